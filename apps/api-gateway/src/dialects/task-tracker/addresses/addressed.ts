import type { IncomingMessage } from 'node:http';
import { type AddressRule, Treatments } from '../../../http/treatments';
import { treat, type Treatment } from './routes';

/** Name of the dialect's own listener. */
export const DIALECT = 'task_tracker';

const treatments = new Treatments<Treatment>(DIALECT);

/** Decides on each request at its arrival. */
export const taskTrackerAddresses: AddressRule = treatments.rule(treat);

/** What was decided; undefined for requests of other dialects. */
export function treatmentOf(request: IncomingMessage): Treatment | undefined {
  return treatments.of(request);
}
