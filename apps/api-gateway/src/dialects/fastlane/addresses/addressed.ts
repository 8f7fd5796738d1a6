import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ownListenerOf } from '../../../http/own-listener';
import type { AddressRule } from '../../../http/server-options';
import { type Target, treat, type Treatment } from './routes';

/** Name of the dialect's own listener. */
export const DIALECT = 'fastlane';

/** An address that nobody serves: those requests are answered before anybody could. */
const NOWHERE = '/-';

const treatments = new WeakMap<IncomingMessage, Treatment>();

/** Decides on each request at its arrival, before the server's router sees its address. */
export function fastlaneAddresses({ debug }: { debug: boolean }): AddressRule {
  return (request) => {
    const own = ownListenerOf(request) === DIALECT;
    const treatment = treat(request.method ?? '', request.url ?? '/', { own, debug });
    if (!treatment) return undefined;
    treatments.set(request, treatment);
    return treatment.kind === 'serve' ? treatment.url : NOWHERE;
  };
}

/** What was decided; undefined for requests of other dialects. */
export function treatmentOf(request: IncomingMessage): Treatment | undefined {
  return treatments.get(request);
}

/** Task, job and execution that the address names. */
export const Address = createParamDecorator((_: unknown, context: ExecutionContext): Target => {
  const treatment = treatmentOf(context.switchToHttp().getRequest<FastifyRequest>().raw);
  return treatment?.kind === 'serve' ? treatment.target : {};
});
