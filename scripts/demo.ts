import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { configurationOrExit, type LocalRunConfiguration, localRunSchema } from '@task-engine/platform';
import { Checks } from './demo/checks';
import { runChapters } from './demo/chapters';
import { demoPlace, type DemoPlace, ownFolder } from './demo/demo-place';
import { EngineClient } from './demo/engine-client';
import { mediaTools } from './local/media-tools';
import { columns, Screen } from './demo/screen';
import { LocalError, reasonOf } from './local/local-error';
import { LocalSuite } from './local/local-suite';
import { ConsoleProgress } from './local/progress';
import { onStopSignals } from './local/stop-signals';

/** The exit code of a shell for Ctrl-C. */
const INTERRUPTED = 130;

/** Milliseconds that jobs of an earlier run get to come to their end. */
const SETTLE = 5000;

/** `npm run demo`: the whole suite on this machine, real jobs through it, every claim checked. @returns the exit code */
async function main(env: NodeJS.ProcessEnv): Promise<number> {
  const configuration = configurationOrExit(localRunSchema, env);
  const screen = new Screen();
  const progress = new ConsoleProgress();
  const interruption = new AbortController();
  const { signal } = interruption;
  let isUp = false;
  onStopSignals((count) => {
    progress.end();
    screen.line(count > 1 ? 'Ended at once.' : 'Interrupted, stopping ...');
    // While the suite comes up there is no work to hand back; the watchdog ends what has been started.
    if (count > 1 || !isUp) process.exit(INTERRUPTED);
    interruption.abort();
  }, Boolean(env.npm_lifecycle_event));

  const began = Date.now();
  const place = await demoPlace(configuration);
  screen.line(`Task Engine demo, data in ${place.dataDir}`);
  screen.lines(place.notes);
  screen.title('1. Starting the suite');
  const tools = await mediaTools(env, progress, signal);
  progress.end();
  const start = async (where: DemoPlace) => {
    const suite = await bringUp(where, configuration, env, progress);
    isUp = true;
    return suite;
  };
  let suite = await start(place);
  const checks = new Checks(screen);
  try {
    const left = await unfinishedJobs(suite, configuration, signal);
    const isAside = place.dataDir === ownFolder(resolve(configuration.DATA_DIR));
    if (left > 0 && !isAside && !configuration.DATABASE_URL) {
      screen.line(
        `  Unfinished jobs are in this data (${left}); starting again in a folder of its own, ${ownFolder(place.dataDir)}`,
      );
      isUp = false;
      await suite.stop();
      suite = await start({ ...place, dataDir: ownFolder(place.dataDir) });
    }
    await runChapters({ suite, client: client(configuration), tools, env, screen, checks, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await suite.stop();
  }
  if (signal.aborted) return INTERRUPTED;
  screen.line();
  screen.lines(verdict(checks, Date.now() - began));
  if (typeof tools === 'string') screen.line(`The video part was left out, since ffmpeg is missing: ${tools}.`);
  screen.line();
  screen.lines(whereNext(suite, configuration, Boolean(env.BOOTSTRAP_CLIENTS?.trim())));
  return checks.failed.length === 0 ? 0 : 1;
}

function bringUp(
  { dataDir, port }: DemoPlace,
  { HOST: host, REPLICAS: replicas, OUTBOUND_ALLOW: allow }: LocalRunConfiguration,
  env: NodeJS.ProcessEnv,
  progress: ConsoleProgress,
): Promise<LocalSuite> {
  // The demo's own server is the origin, the receiver of callbacks and the semaphore.
  const appEnv = { OUTBOUND_ALLOW: [...allow, '127.0.0.1/32'].join(',') };
  return LocalSuite.start({ dataDir, port, host, replicas, env, appEnv, progress }).finally(() => progress.end());
}

const client = ({ BOOTSTRAP_CLIENTS: [first] }: LocalRunConfiguration) => {
  if (!first) throw new LocalError('BOOTSTRAP_CLIENTS names no client.');
  return first;
};

/**
 * How many jobs an earlier run has left, some seconds after the start: the demo's own would wait behind them, and its limits would hold
 * them up.
 */
function unfinishedJobs(suite: LocalSuite, configuration: LocalRunConfiguration, signal: AbortSignal): Promise<number> {
  const engine = new EngineClient(suite.url('api-gateway'), client(configuration), signal);
  const deadline = Date.now() + SETTLE;
  return engine.until('an answer about earlier jobs', SETTLE * 2, async () => {
    const left = await engine.unfinished();
    return left === 0 || Date.now() > deadline ? left : undefined;
  });
}

function verdict({ failed, count }: Checks, milliseconds: number): string[] {
  const seconds = Math.round(milliseconds / 1000);
  if (failed.length === 0) return [`Done in ${seconds} s: ${count} checks, all passed.`];
  return [`Done in ${seconds} s: ${failed.length} of ${count} checks FAILED`, ...failed.map((reason) => `  ${reason}`)];
}

/** The URLs are gone with the demo: how to have them back, and where the rest lies. */
function whereNext(suite: LocalSuite, configuration: LocalRunConfiguration, ownClients: boolean): string[] {
  const { folder } = suite.servers;
  const media = folder.at('media');
  const shown = (path: string) => (relative('', path).startsWith('..') ? path : relative('', path));
  const url = new URL(suite.url('api-gateway'));
  const variables = [
    folder.path === resolve('.data') ? '' : `DATA_DIR=${shown(folder.path)} `,
    url.port === '8080' ? '' : `PORT=${url.port} `,
  ].join('');
  const { name, key } = client(configuration);
  const headers = ownClients ? `client: ${name} and its api-key` : `client: ${name}, api-key: ${key}`;
  return [
    'The suite is stopped; its data stays. Where to look next:',
    '',
    ...columns([
      [`  ${variables}npm start`, 'the same suite, with these jobs, until Ctrl-C; then:'],
      [`  ${url.origin}/jobs`, 'the jobs, without a key; /logs/<id> tells what each did'],
      [`  ${url.origin}/docs`, `the API; headers ${headers}`],
      ...(existsSync(media) ? [[`  ${shown(media)}`, 'files that workflows made']] : []),
      [`  ${shown(folder.at('logs'))}`, 'what the apps logged'],
      ['  README.md', 'your first own job, and the other documents'],
    ]),
  ];
}

main(process.env).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof LocalError ? error.message : error instanceof Error ? error.stack : reasonOf(error));
    process.exit(1);
  },
);
