/**
 * Preloaded into the apps by `BenchEngine.start({ handlerStarts: true })`. In task-worker it stands around the trial handlers (noop, sleep ...) and
 * writes the moment at which each is called, a line per call, to BENCH_HANDLER_STARTS: what a handler of a peer notes as its first act.
 * The time that the claim writes to PostgreSQL would flatter us: the handler is called only after the claim's COMMIT.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type * as TrialHandlers from '../../apps/task-worker/src/executors/trial.handlers';
import { epochMs, monotonicMs } from '../harness/clocks';

const file = process.env.BENCH_HANDLER_STARTS;
if (file !== undefined && process.argv[1]?.includes('task-worker')) noteStarts(file);

function noteStarts(path: string): void {
  const out = createWriteStream(path, { flags: 'a' });
  const module = require.resolve(join(__dirname, '../../apps/task-worker/src/executors/trial.handlers.js'));
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module has to be in the cache before the app asks for it
  const real = require(module) as typeof TrialHandlers;
  require.cache[module]!.exports = {
    ...real,
    trialHandlers: () =>
      real.trialHandlers().map((handler) => ({
        ...handler,
        execute: (context: Parameters<typeof handler.execute>[0]) => {
          out.write(`${context.jobId} ${context.executionId} ${monotonicMs()} ${epochMs()}\n`);
          return handler.execute(context);
        },
      })),
  };
}
