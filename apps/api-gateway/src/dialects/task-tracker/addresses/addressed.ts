import type { IncomingMessage } from 'node:http';
import { type AddressRule, Treatments, type Unreadable } from '../../../http/treatments';
import { treat, type Treatment } from './routes';

/** Name of the dialect's own listener. */
export const DIALECT = 'task_tracker';

/** One answer for whatever its server could not read (reference/task-tracker.md 1.1). */
export const unreadable: Unreadable = () => ({ type: 'text/plain; charset=utf-8', body: 'Error when parsing request' });

const treatments = new Treatments<Treatment>(DIALECT, unreadable);

/** Decides on each request at its arrival. */
export const taskTrackerAddresses: AddressRule = treatments.rule(treat);

/** What was decided; undefined for requests of other dialects. */
export function treatmentOf(request: IncomingMessage): Treatment | undefined {
  return treatments.of(request);
}
