import { Injectable } from '@nestjs/common';
import type { RunState } from '@task-engine/domain';
import type { NewDelivery, RunWithCommand, Stores } from '@task-engine/database';
import { executionDetails } from '@task-engine/dto';
import type { CommandRequest, RunEventName } from './command-request';

/** Characters of each output that a webhook or a mail carries, the last ones: it is a row of the database, and a request. */
const OUTPUT_LENGTH = 262_144;
/** Of UTF-8 for one UTF-16 unit, at most. */
const OCTETS = 3;

/** Which events the end of a run is. */
const EVENTS = {
  waiting: [],
  pulling: [],
  running: ['starts'],
  succeeded: ['succeeds', 'finishes'],
  failed: ['fails', 'finishes'],
  timed_out: ['finishes'],
  expired: [],
} as const satisfies Record<RunState, readonly RunEventName[]>;

/** What a run that has come to a new state leaves to be sent: a delivery for each webhook and each mail address that wants to know of it. */
@Injectable()
export class RunEvents {
  /** Whether anybody wants to know of the state in which it is. */
  wanted(run: Pick<RunWithCommand, 'request' | 'state'>): boolean {
    return listenersOf(run).length > 0;
  }

  /** In the transaction that brings the runs there. Answers the deliveries' ids for the hint after COMMIT. */
  async deliver(stores: Stores, runs: RunWithCommand[]): Promise<{ id: string }[]> {
    const listened = runs.flatMap((run) => listenersOf(run).map((listeners) => ({ run, ...listeners })));
    if (listened.length === 0) return [];
    const outputs = await stores.runOutput.ends(
      [...new Set(listened.map(({ run }) => run.jobId))],
      OUTPUT_LENGTH * OCTETS,
    );
    const deliveries = listened.flatMap(({ run, event, webhooks, notify }): NewDelivery[] => {
      const { custom } = run.request as unknown as Pick<CommandRequest, 'custom'>;
      const output = outputs.get(run.jobId)!;
      const details = executionDetails({
        ...run,
        place: run.containerId === null ? null : { host: run.host!, port: run.port!, containerId: run.containerId },
        stdout: lastOf(output.stdout.text),
        stderr: lastOf(output.stderr.text),
      });
      const about = { clientId: run.clientId, jobId: run.jobId, taskId: '0', event, verifyTls: true };
      const body = { ...details, metadata: { ...details.metadata, custom }, job_id: run.commandUuid };
      return [
        ...webhooks.map(({ url, headers, retries }): NewDelivery => ({
          ...about,
          kind: 'webhook',
          url,
          headers,
          maxAttempts: retries + 1,
          body: JSON.stringify(body),
        })),
        ...notify.map((address): NewDelivery => ({
          ...about,
          kind: 'mail',
          url: `mailto:${encodeURIComponent(address)}`,
          headers: {},
          body: JSON.stringify({ address, event, task: run.group, job: run.commandUuid, execution: details }),
        })),
      ];
    });
    return stores.deliveries.insert(deliveries);
  }
}

function listenersOf({ request, state }: Pick<RunWithCommand, 'request' | 'state'>) {
  const { webhooks, notify } = request as unknown as Pick<CommandRequest, 'webhooks' | 'notify'>;
  return EVENTS[state]
    .map((event) => ({ event, webhooks: webhooks[event], notify: notify[event] }))
    .filter(({ webhooks: hooks, notify: addresses }) => hooks.length + addresses.length > 0);
}

function lastOf(text: string): string {
  return text.length <= OUTPUT_LENGTH ? text : text.slice(-OUTPUT_LENGTH).toWellFormed();
}
