import type { IncomingMessage } from 'node:http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type AddressRule, Treatments, type Unreadable } from '../../../http/treatments';
import { HTML, htmlPage } from './html-page';
import { type Target, treat, type Treatment } from './routes';

/** Name of the dialect's own listener. */
export const DIALECT = 'fastlane';

/** A page, as for other bad requests; what has no page is said in a sentence. */
export const unreadable: Unreadable = (status, message) => ({
  type: HTML,
  body: status === 400 ? htmlPage(status) : message,
});

const treatments = new Treatments<Treatment>(DIALECT, unreadable);

/** Decides on each request at its arrival. */
export function fastlaneAddresses({ debug }: { debug: boolean }): AddressRule {
  return treatments.rule((method, url, own) => treat(method, url, { own, debug }));
}

/** What was decided; undefined for requests of other dialects. */
export function treatmentOf(request: IncomingMessage): Treatment | undefined {
  return treatments.of(request);
}

/** Task, job and execution that the address names. */
export const Address = createParamDecorator((_: unknown, context: ExecutionContext): Target => {
  const treatment = treatmentOf(context.switchToHttp().getRequest<FastifyRequest>().raw);
  return treatment?.kind === 'serve' ? treatment.target : {};
});
