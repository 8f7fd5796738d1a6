import { BenchEngine } from './engine/bench-engine';
import { checkDelivered, checkExact } from './engine/exact-delivery';
import type { Benchmark, Scale, Side } from './harness/benchmark';
import { perJob } from './harness/storage';
import type { BullDrain } from './peers/bull-drain.process';
import type { GraphileDrain } from './peers/graphile-drain.process';

/** Slots of the one worker process, on every side. */
const CONCURRENCY = 10;
/** Jobs running at one time at most: never the limit here, the worker's slots are. */
const MAX_JOBS = 1_000;
const DRAIN_TIMEOUT_SECONDS = 1_200;

/** P2: how fast waiting jobs get done. */
export function drain(scale: Scale): Benchmark {
  const jobs = scale.of(20_000, 1_000);
  const warmUp = scale.of(2_000, 200);
  const ours: Side = {
    name: 'task engine',
    setup:
      `the five apps, one process each, WORK_CONCURRENCY=${CONCURRENCY}, max_jobs ${MAX_JOBS}; workflow \`noop\`, submitted over HTTP ` +
      'into a paused lane. Clock (PostgreSQL’s): from the resume until the last job is completed, with its history and log',
    async run(turn) {
      const engine = await BenchEngine.start(turn, {
        env: { WORK_CONCURRENCY: String(CONCURRENCY) },
        maxJobs: MAX_JOBS,
      });
      await engine.submit(warmUp);
      await engine.drained(DRAIN_TIMEOUT_SECONDS);
      await engine.pause();
      const before = await turn.stored();
      turn.note(`submitting ${jobs} jobs`);
      const { ids } = await engine.submit(jobs);
      turn.note('draining');
      const seconds = await turn.window(async () => {
        const resumed = await engine.resume();
        await engine.drained(DRAIN_TIMEOUT_SECONDS);
        return ((await engine.lastFinish()).getTime() - resumed.getTime()) / 1000;
      });
      const stored = perJob(before, await turn.stored(), jobs);
      return {
        figures: { 'jobs/s': jobs / seconds },
        checked: await checkDelivered(turn.database, ids),
        stored,
      };
    },
  };

  const bull: Side = {
    name: 'bull',
    setup: `Bull 4, one process at concurrency ${CONCURRENCY}, default options, handler an async function that returns; finished jobs stay`,
    async run(turn) {
      const { redisUrl } = turn;
      const peer = turn.spawn<BullDrain>('bull worker', 'peers/bull-drain.process');
      await peer.call('fill', { redisUrl, queue: 'warm', jobs: warmUp });
      await peer.call('drain', { redisUrl, queue: 'warm', jobs: warmUp, concurrency: CONCURRENCY });
      const before = await turn.stored();
      const ids = await peer.call('fill', { redisUrl, queue: 'drain', jobs });
      const { seconds, ran } = await turn.window(() =>
        peer.call('drain', { redisUrl, queue: 'drain', jobs, concurrency: CONCURRENCY }),
      );
      const stored = perJob(before, await turn.stored(), jobs);
      return { figures: { 'jobs/s': jobs / seconds }, checked: checkExact(ids, ran), stored };
    },
  };

  const graphile = (name: string, setup: string, concurrency?: number): Side => ({
    name,
    setup,
    async run(turn) {
      const { databaseUrl } = turn;
      const peer = turn.spawn<GraphileDrain>(name, 'peers/graphile-drain.process');
      await peer.call('fill', { databaseUrl, task: 'warm', jobs: warmUp });
      await peer.call('drain', { databaseUrl, task: 'warm', jobs: warmUp, concurrency });
      const before = await turn.stored();
      const ids = await peer.call('fill', { databaseUrl, task: 'drain', jobs });
      const { seconds, ran } = await turn.window(() =>
        peer.call('drain', { databaseUrl, task: 'drain', jobs, concurrency }),
      );
      const stored = perJob(before, await turn.stored(), jobs);
      return { figures: { 'jobs/s': jobs / seconds }, checked: checkExact(ids, ran), stored };
    },
  });

  return {
    id: 'P2',
    title: `drain ${jobs} waiting one-step jobs`,
    sides: [
      ours,
      bull,
      graphile(
        'graphile-worker',
        'graphile-worker with its default options (concurrency 1); jobs added by one statement',
      ),
      graphile('graphile-worker 10', `the same at concurrency ${CONCURRENCY}`, CONCURRENCY),
    ],
    bars: [
      {
        name: 'rate against Bull',
        figure: 'jobs/s',
        of: 'task engine',
        against: 'bull',
        better: 'higher',
        must: 0.5,
        aim: 1,
      },
      {
        name: 'rate against graphile-worker',
        figure: 'jobs/s',
        of: 'task engine',
        against: 'graphile-worker',
        better: 'higher',
        must: 1.5,
      },
      {
        name: 'rate against graphile-worker 10',
        figure: 'jobs/s',
        of: 'task engine',
        against: 'graphile-worker 10',
        better: 'higher',
      },
    ],
    notes: [
      'A job of ours leaves behind its transitions, task, execution and log; one of graphile-worker is deleted when it is done.',
    ],
  };
}
