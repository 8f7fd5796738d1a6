import { parseArgs } from 'node:util';
import { createDataSource, Database, migrate } from '@task-engine/database';
import { DomainError } from '@task-engine/domain';
import { configurationOrExit, type ToolConfiguration, toolSchema } from '@task-engine/platform';
import { clientCommands } from './cli/client-commands';
import { deliveryCommands } from './cli/delivery-commands';
import { keyCommands } from './cli/key-commands';
import { laneCommands } from './cli/lane-commands';
import { UsageError, type Command } from './cli/command';
import { DataFolder } from './local/data-folder';
import { LocalError } from './local/local-error';
import { LocalServers } from './local/local-servers';

/** `npm run cli -- <noun> <verb> ...`: what an operator does beside the APIs. */
const COMMANDS: Record<string, Command> = {
  ...keyCommands,
  ...clientCommands,
  ...deliveryCommands,
  ...laneCommands,
  migrate: { usage: 'migrate', does: 'bring the database to the newest schema', run: () => Promise.resolve() },
};

function help(): string {
  return [
    'Usage: npm run cli -- <command>',
    '',
    ...Object.values(COMMANDS).flatMap((command) => [`  ${command.usage}`, `      ${command.does}`]),
    '',
    'The database is DATABASE_URL, or the one of `npm start` below DATA_DIR (running or not).',
  ].join('\n');
}

async function main(words: string[]): Promise<void> {
  const name = [words.slice(0, 2).join(' '), words[0] ?? ''].find((candidate) => candidate in COMMANDS);
  if (name === undefined) {
    const asked = words.length === 0 || words[0] === 'help' || words[0] === '--help';
    if (!asked) throw new UsageError(`Unknown command: ${words.join(' ')}\n\n${help()}`);
    console.log(help());
    return;
  }
  const command = COMMANDS[name]!;
  const { positionals, values } = parse(command, words.slice(name.split(' ').length));
  const configuration = configurationOrExit(toolSchema, process.env);
  await withDatabase(configuration, async (url) => {
    await migrate(url);
    if (name === 'migrate') console.log('The database has the newest schema.');
    const dataSource = await createDataSource({ url, poolSize: 2, applicationName: 'task-engine cli' }).initialize();
    try {
      await command.run({
        database: new Database(dataSource),
        positionals,
        values,
        print: (line) => console.log(line),
      });
    } finally {
      await dataSource.destroy();
    }
  });
}

function parse(command: Command, args: string[]) {
  try {
    return parseArgs({ args, options: command.options ?? {}, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nUsage: npm run cli -- ${command.usage}`);
  }
}

/** DATABASE_URL, or the server of a local run: the one that is up, or one brought up for this command. */
async function withDatabase(configuration: ToolConfiguration, work: (url: string) => Promise<void>): Promise<void> {
  const running = configuration.DATABASE_URL ?? DataFolder.holderOf(configuration.DATA_DIR)?.databaseUrl;
  if (running) return work(running);
  const servers = await LocalServers.start({ dataDir: configuration.DATA_DIR, env: process.env, withoutRedis: true });
  try {
    await work(servers.databaseUrl);
  } finally {
    await servers.stop();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const expected = error instanceof UsageError || error instanceof DomainError || error instanceof LocalError;
  console.error(expected ? error.message : error instanceof Error ? error.stack : String(error));
  process.exitCode = 1;
});
