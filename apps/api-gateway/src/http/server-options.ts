import type { IncomingMessage } from 'node:http';
import type { AppOptions, GatewayConfiguration } from '@task-engine/platform';
import type { FastifyReply } from 'fastify';

/** Where a request of a dialect with rules of its own for addresses is served; undefined for requests of others. */
export type AddressRule = (request: IncomingMessage) => string | undefined;

/** Options of the Fastify server that all dialects share. */
export function serverOptions(
  configuration: GatewayConfiguration,
  addressRule: AddressRule,
): NonNullable<AppOptions['fastify']> {
  return {
    trustProxy: configuration.TRUST_PROXY.length > 0 ? configuration.TRUST_PROXY : false,
    rewriteUrl: (request) => addressRule(request as IncomingMessage) ?? request.url ?? '/',
    // a long id is a wrong id, not a long address
    routerOptions: { maxParamLength: 2_048 },
    // faults before routing: an address that is none
    frameworkErrors: (error, _request, reply) => {
      void (reply as unknown as FastifyReply)
        .code(error.statusCode ?? 400)
        .send({ error: 'The address of the request is malformed' });
    },
  };
}
