import type { IncomingMessage } from 'node:http';
import type { AppOptions, GatewayConfiguration } from '@task-engine/platform';
import type { FastifyReply } from 'fastify';
import { type AddressRule, servedAddress } from './treatments';
import { answerUnreadable } from './unreadable';

/** Options of the Fastify server that all dialects share. */
export function serverOptions(
  configuration: GatewayConfiguration,
  addressRules: readonly AddressRule[],
): NonNullable<AppOptions['fastify']> {
  return {
    trustProxy: configuration.TRUST_PROXY.length > 0 ? configuration.TRUST_PROXY : false,
    rewriteUrl: (request) => servedAddress(addressRules, request as IncomingMessage) ?? request.url ?? '/',
    // a long id is a wrong id, not a long address
    routerOptions: { maxParamLength: 2_048 },
    clientErrorHandler: answerUnreadable(
      (request) =>
        request &&
        addressRules.find((rule) => rule.address(request as IncomingMessage, false) !== undefined)?.unreadable,
    ),
    // faults before routing: an address that is none
    frameworkErrors: (error, _request, reply) => {
      void (reply as unknown as FastifyReply)
        .code(error.statusCode ?? 400)
        .send({ error: 'The address of the request is malformed' });
    },
  };
}
