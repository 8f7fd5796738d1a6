import { randomBytes } from 'node:crypto';
import { ClientKeys } from '@task-engine/engine';
import { type Command, only, UsageError } from './command';

/** What an operator configures for a client beside its keys. */
export const clientCommands: Record<string, Command> = {
  'client set': {
    usage:
      'client set <client> [--max-running <n|none>] [--requests-per-minute <n|none>] [--header <name=value>]... [--no-headers]',
    does: 'cap of running jobs; limit of requests to /api; extra headers of its callbacks',
    options: {
      'max-running': { type: 'string' },
      'requests-per-minute': { type: 'string' },
      header: { type: 'string', multiple: true },
      'no-headers': { type: 'boolean' },
    },
    async run(invocation) {
      const name = only(invocation, this.usage);
      const client = await new ClientKeys(invocation.database).existing(name);
      const { 'max-running': cap, 'requests-per-minute': requests, header, 'no-headers': none } = invocation.values;
      await invocation.database.stores.clients.configure(client.id, {
        ...(cap !== undefined && { maxRunning: cap === 'none' ? null : wholeNumber('--max-running', cap) }),
        ...(requests !== undefined && {
          requestsPerMinute: requests === 'none' ? null : wholeNumber('--requests-per-minute', requests, 1),
        }),
        ...((header !== undefined || none) && { callbackHeaders: headers((header ?? []) as string[]) }),
      });
      invocation.print(`Client '${name}' is set.`);
    },
  },
  'client sign': {
    usage: 'client sign <client> [--off]',
    does: 'a new signing secret for its callbacks (Standard Webhooks)',
    options: { off: { type: 'boolean' } },
    async run(invocation) {
      const name = only(invocation, this.usage);
      const client = await new ClientKeys(invocation.database).existing(name);
      const secret = invocation.values.off ? null : `whsec_${randomBytes(32).toString('base64')}`;
      await invocation.database.stores.clients.configure(client.id, { signingSecret: secret });
      invocation.print(
        secret
          ? `Signing secret of '${name}', shown this once:\n\n  ${secret}\n`
          : `Callbacks of '${name}' are no longer signed.`,
      );
    },
  },
};

function wholeNumber(option: string, value: unknown, min = 0): number {
  const number = /^\d{1,9}$/.test(String(value)) ? Number(value) : -1;
  if (number < min) throw new UsageError(`${option} takes a whole number${min > 0 ? ` from ${min}` : ''}, or none`);
  return number;
}

function headers(pairs: string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\t\x20-\x7e]*)$/.exec(pair);
      if (!match) throw new UsageError('--header takes name=value, with a valid header name and printable characters');
      return [match[1]!, match[2]!];
    }),
  );
}
