import { ClientKeys } from '@task-engine/engine';
import { type Command, only, table, time } from './command';

const shown = (client: string, key: string) =>
  [
    `Key of client '${client}', shown this once and stored only as a hash:`,
    '',
    `  ${key}`,
    '',
    'Send it as header `api-key`, the name as header `client`.',
  ].join('\n');

/** Keys of clients: `keys create|list|rotate|revoke`. */
export const keyCommands: Record<string, Command> = {
  'keys create': {
    usage: 'keys create <client>',
    does: 'a new key; the client is created when it is new, its other keys stay',
    async run(invocation) {
      const client = only(invocation, this.usage);
      invocation.print(shown(client, await new ClientKeys(invocation.database).create(client)));
    },
  },
  'keys list': {
    usage: 'keys list',
    does: 'all keys: id, client, last four characters, state',
    async run({ database, print }) {
      const keys = await new ClientKeys(database).list();
      const rows = keys.map((key) => [
        String(key.id),
        key.client,
        `...${key.lastFour}`,
        time(key.createdAt),
        key.revokedAt ? `revoked ${time(key.revokedAt)}` : 'live',
      ]);
      print(
        rows.length === 0
          ? 'No keys yet: npm run cli -- keys create <client>'
          : table([['ID', 'CLIENT', 'KEY', 'CREATED', 'STATE'], ...rows]),
      );
    },
  },
  'keys rotate': {
    usage: 'keys rotate <client>',
    does: 'a new key; all other keys of the client stop working',
    async run(invocation) {
      const client = only(invocation, this.usage);
      invocation.print(shown(client, await new ClientKeys(invocation.database).rotate(client)));
    },
  },
  'keys revoke': {
    usage: 'keys revoke <client | key id>',
    does: 'all keys of a client, or one key, stop working',
    async run(invocation) {
      const word = only(invocation, this.usage);
      const which = /^\d+$/.test(word) ? { keyId: Number(word) } : { client: word };
      const revoked = await new ClientKeys(invocation.database).revoke(which);
      invocation.print(revoked.length === 0 ? 'No live key matched.' : `Revoked: key ${revoked.join(', ')}`);
    },
  },
};
