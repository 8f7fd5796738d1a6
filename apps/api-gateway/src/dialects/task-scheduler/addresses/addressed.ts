import type { IncomingMessage } from 'node:http';
import { type AddressRule, Treatments } from '../../../http/treatments';
import { Refusal } from '../http/refusal';
import { addressOf } from './routes';

/** As it is named in logs. */
export const DIALECT = 'task-scheduler';

const treatments = new Treatments<{ kind: 'serve'; url: string }>(DIALECT, (status, message) => ({
  type: 'application/json; charset=utf-8',
  body: JSON.stringify(new Refusal(status === 413 ? 'payload_too_large' : 'bad_request', message).envelope),
}));

/** Decides on each request at its arrival. The dialect has no listener of its own. */
export const taskSchedulerAddresses: AddressRule = treatments.rule((_method, url) => {
  const address = addressOf(url);
  return address === undefined ? undefined : { kind: 'serve', url: address };
});

/** Whether a request is one of this dialect. */
export function isAddressed(request: IncomingMessage): boolean {
  return treatments.of(request) !== undefined;
}
