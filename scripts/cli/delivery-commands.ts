import type { DeliveryRecord } from '@task-engine/database';
import { DELIVERY_STATES, type DeliveryState } from '@task-engine/domain';
import { maskText } from '@task-engine/platform';
import { type Command, ids, table, time, UsageError } from './command';

const LIMIT = 50;

/** Deliveries of callbacks: `deliveries list|retry|replay`. A dispatcher that runs sends them within seconds. */
export const deliveryCommands: Record<string, Command> = {
  'deliveries list': {
    usage: `deliveries list [--state <${DELIVERY_STATES.join('|')}>] [--client <name>] [--job <id>] [--limit <n>]`,
    does: `the newest deliveries (${LIMIT} unless told otherwise)`,
    options: {
      state: { type: 'string' },
      client: { type: 'string' },
      job: { type: 'string' },
      limit: { type: 'string' },
    },
    async run({ database, values, print }) {
      const rows = await database.stores.deliveries.list({
        state: stateOf(values.state),
        client: values.client as string | undefined,
        jobId: number('--job', values.job),
        limit: Number(number('--limit', values.limit) ?? LIMIT),
      });
      const head = ['ID', 'CLIENT', 'JOB', 'EVENT', 'STATE', 'TRIES', 'NEXT / DONE', 'LAST ANSWER', 'URL'];
      print(rows.length === 0 ? 'No deliveries match.' : table([head, ...rows.map(row)]));
    },
  },
  'deliveries retry': {
    usage: 'deliveries retry <id>...',
    does: 'send waiting deliveries now instead of at their next time',
    async run(invocation) {
      const asked = ids(invocation, this.usage);
      invocation.print(
        result('Due now', asked, await invocation.database.stores.deliveries.retryNow(asked), 'finished ones: replay'),
      );
    },
  },
  'deliveries replay': {
    usage: 'deliveries replay <id>...',
    does: 'send finished deliveries (exhausted, gone, blocked, delivered) again, under the same webhook-id',
    async run(invocation) {
      const asked = ids(invocation, this.usage);
      invocation.print(
        result(
          'To be sent again',
          asked,
          await invocation.database.stores.deliveries.replay(asked),
          'waiting ones: retry',
        ),
      );
    },
  },
};

function row(delivery: DeliveryRecord): string[] {
  return [
    delivery.id,
    delivery.client,
    delivery.jobId,
    delivery.event,
    delivery.state,
    String(delivery.attempts),
    time(delivery.finishedAt ?? delivery.nextAt),
    delivery.lastError ?? (delivery.lastStatus === null ? '-' : String(delivery.lastStatus)),
    withoutSecrets(delivery.url),
  ];
}

/** A query may carry a token, and so may the user part. */
function withoutSecrets(url: string): string {
  const shown = maskText(url);
  return shown.includes('?') ? `${shown.slice(0, shown.indexOf('?'))}?...` : shown;
}

function result(done: string, asked: string[], changed: string[], hint: string): string {
  const rest = asked.filter((id) => !changed.includes(id));
  const lines = changed.length > 0 ? [`${done}: ${changed.join(', ')}`] : [];
  if (rest.length > 0) lines.push(`Left as they are (unknown, or not in a state for it; ${hint}): ${rest.join(', ')}`);
  return lines.join('\n');
}

function stateOf(value: unknown): DeliveryState | undefined {
  if (value === undefined) return undefined;
  const state = DELIVERY_STATES.find((known) => known === value);
  if (!state) throw new UsageError(`--state is one of ${DELIVERY_STATES.join(', ')}`);
  return state;
}

function number(option: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^[1-9]\d{0,8}$/.test(value)) throw new UsageError(`${option} takes a number`);
  return value;
}
