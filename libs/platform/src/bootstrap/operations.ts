import type { FastifyInstance } from 'fastify';

import type { Metrics } from '../metrics/metrics';
import type { Readiness } from './readiness';
import type { Shutdown } from './shutdown';

/**
 * /livez, /readyz and /metrics as plain Fastify routes: no guard, filter, pipe or body parser of an app can get between a probe and its
 * answer. /livez asks nothing, so that a database that is down does not make Kubernetes restart every pod.
 */
export function serveOperations(
  fastify: FastifyInstance,
  parts: { readiness: Readiness; metrics: Metrics; shutdown: Shutdown },
): void {
  fastify.get('/livez', () => ({ status: 'ok' }));

  fastify.get('/readyz', async (_request, reply) => {
    if (parts.shutdown.started) return reply.code(503).send({ status: 'shutting_down' });
    const result = await parts.readiness.check();
    return reply.code(result.status === 'ok' ? 200 : 503).send(result);
  });

  fastify.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await parts.metrics.expose();
    return reply.type(contentType).send(text);
  });

  // a client that keeps its connection would send the next request into a closed socket
  fastify.addHook('onSend', async (_request, reply) => {
    if (parts.shutdown.started) reply.header('connection', 'close');
  });
}
