import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type EndedRun, killStrays, runOf } from '../strays';
import { killGroup } from './kill-group';
import type { SpawnReply, SpawnRequest } from './spawner';

/**
 * Starts processes for a worker. The system copies the page tables of who forks, and so takes some milliseconds for a worker and a fraction of
 * that for this process. Outputs do not come through here: each is a pipe with a name, of which the worker has the other end. (What Node makes
 * by itself are sockets: a command whose stderr is one cannot open /dev/stderr.) Ends with the worker, and with it all that it has started;
 * ends it first, so does the worker with what that had started.
 */
const running = new Map<number, EndedRun>();
/** How long a start may wait to be told together with the end, in milliseconds: of a short command the worker hears once instead of twice. */
const TELL_MS = 2;
let untold: SpawnReply[] = [];
let telling: NodeJS.Timeout | undefined;

function tell(): void {
  clearTimeout(telling);
  telling = undefined;
  // nobody is there any more while the last ones are ended
  if (process.connected) process.send?.(untold);
  untold = [];
}

function reply(message: SpawnReply): void {
  untold.push(message);
  if ('pid' in message) telling ??= setTimeout(tell, TELL_MS);
  else tell();
}

/** Pipes made at one time, two for each command. */
const PIPES = 128;
/** Before that is tried again when they could not be made, in milliseconds. */
const RETRY_MS = 1_000;
const [folder = ''] = process.argv.slice(2);
let made = 0;
let unused = 0;

function makePipes(): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pipes = Array.from({ length: PIPES }, () => join(folder, String((made += 1))));
  const { status, error } = spawnSync('mkfifo', ['-m', '600', ...pipes], { stdio: 'ignore' });
  if (status !== 0) {
    setTimeout(makePipes, RETRY_MS);
    return void reply({ pipes: [], error: `pipes could not be made: ${error?.message ?? `mkfifo ${status}`}` });
  }
  unused += PIPES;
  reply({ pipes });
}

function start(request: SpawnRequest): void {
  const outputs: number[] = [];
  try {
    // recursive: a try before may have left it. Nothing else happens in this process, so it may wait.
    mkdirSync(request.cwd, { recursive: true });
    // without waiting for who reads: a worker that is gone never does
    for (const name of request.outputs) outputs.push(openSync(name, constants.O_WRONLY | constants.O_NONBLOCK));
    launch(request, outputs);
  } finally {
    // the process has them now
    for (const output of outputs) closeSync(output);
    for (const name of request.outputs) remove(name);
    unused -= request.outputs.length;
    if (unused === PIPES / 2) setImmediate(makePipes);
  }
}

/** Node's own rmSync looks first what it is that it removes. */
function remove(name: string): void {
  try {
    unlinkSync(name);
  } catch {
    // somebody has tidied up
  }
}

function launch({ id, argv: [program = '', ...rest], cwd, environment }: SpawnRequest, outputs: number[]): void {
  const since = Date.now();
  const child = spawn(program, rest, { cwd, env: environment, detached: true, stdio: ['ignore', ...outputs] });
  child.once('error', (error: NodeJS.ErrnoException) => reply({ id, error: error.message, code: error.code }));
  const { pid } = child;
  if (pid !== undefined) {
    running.set(pid, { run: runOf(environment), pid, since });
    reply({ id, pid });
  }
  child.once('exit', (code, signal) => {
    running.delete(pid!);
    reply({ id, code, signal });
  });
}

process.on('message', (request: SpawnRequest | 'pipes') => {
  if (request === 'pipes') {
    unused = 0;
    return makePipes();
  }
  try {
    start(request);
  } catch (error) {
    reply({ id: request.id, error: (error as Error).message });
  }
});
process.on('disconnect', () => {
  const ended = [...running.values()];
  for (const { pid } of ended) killGroup(pid);
  // also what has left its group: nobody else is there any more who would look for it
  void Promise.allSettled(ended.map(killStrays)).then(() => process.exit(0));
});
// a signal to all processes of the service is the worker's business: it has the running commands ended first
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
makePipes();
