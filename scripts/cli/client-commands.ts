import { randomBytes } from 'node:crypto';
import { ClientKeys } from '@task-engine/engine';
import { type Command, only, UsageError } from './command';

/** What an operator configures for a client beside its keys. */
export const clientCommands: Record<string, Command> = {
  'client set': {
    usage: 'client set <client> [--max-running <n|none>] [--header <name=value>]... [--no-headers]',
    does: 'cap of running jobs; extra headers of its callbacks',
    options: {
      'max-running': { type: 'string' },
      header: { type: 'string', multiple: true },
      'no-headers': { type: 'boolean' },
    },
    async run(invocation) {
      const name = only(invocation, this.usage);
      const client = await new ClientKeys(invocation.database).existing(name);
      const { 'max-running': cap, header, 'no-headers': none } = invocation.values;
      await invocation.database.stores.clients.configure(client.id, {
        ...(cap !== undefined && { maxRunning: cap === 'none' ? null : wholeNumber(String(cap)) }),
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

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError('--max-running takes a whole number, or none');
  return Number(text);
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
