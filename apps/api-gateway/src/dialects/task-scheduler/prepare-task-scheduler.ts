import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { isAddressed } from './addresses/addressed';
import { unserved } from './unknown.controller';

/** Methods that the server has no routes for reach no controller: they are answered here, in the dialect's envelope. */
export function prepareTaskScheduler(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!isAddressed(request.raw) || !request.is404) return done();
    const refusal = unserved(request);
    void reply.code(refusal.status).headers(refusal.headers).send(refusal.envelope);
  });
}
