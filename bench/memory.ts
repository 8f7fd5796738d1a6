import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../scripts/local/eventually';
import { BenchEngine } from './engine/bench-engine';
import type { Benchmark, Scale, Side } from './harness/benchmark';
import { pssMbOf, rssMbOf } from './harness/process-stat';
import { perJob } from './harness/storage';
import type { BullDrain } from './peers/bull-drain.process';

/** What is asked for, on both sides: Bull keeps it in Redis, we keep it in PostgreSQL. (A hash without a value past 64 bytes is far smaller.) */
const JOB = {
  request: { workflow: 'noop' },
  parameters: { asset: 'intro-4711', seconds: 12.5, tags: ['news', 'short'] },
};

const REDIS = 'Redis B/job';

/** M: memory of the apps while nothing happens, and what a waiting job costs in Redis. */
export function memory(scale: Scale): Benchmark {
  const idleSeconds = scale.of(20, 3);
  const jobs = scale.of(20_000, 1_000);

  const idle: Side = {
    name: 'idle apps',
    setup: `the five apps, one process each, ${idleSeconds} s after all were ready; sums of their resident and proportional memory`,
    async run(turn) {
      const { suite } = await BenchEngine.start(turn);
      await turn.window(() => wait(idleSeconds * 1000));
      const pids = suite.members.map(({ pid }) => pid!);
      const sum = (read: (pid: number, withChildren: boolean) => number) =>
        pids.reduce((total, pid) => total + read(pid, false), 0);
      return {
        figures: { 'RSS MB': sum(rssMbOf), 'PSS MB': sum(pssMbOf) },
        checked: `memory of ${pids.length} processes`,
      };
    },
  };

  const ours: Side = {
    name: 'task engine',
    setup:
      `gateway and controller; ${jobs} jobs whose lane is paused, then the same jobs all admitted (max_jobs ${jobs}) with no worker up: ` +
      'all hints there are wait in Redis',
    async run(turn) {
      const engine = await BenchEngine.start(turn, { apps: ['api-gateway', 'job-controller'], maxJobs: jobs });
      await engine.pause();
      const before = await turn.stored();
      await engine.submit(jobs, { job: JOB.request, parameters: JOB.parameters });
      const queued = perJob(before, await turn.stored(), jobs);
      await engine.resume();
      await eventually(
        async () => {
          const { rows } = await turn.database.query<{ n: number }>(
            `SELECT count(*)::int AS n FROM execution WHERE state = 'queued'`,
          );
          return rows[0]!.n === jobs;
        },
        { timeout: 600_000, interval: 250 },
      );
      const hints = await turn.redis.llen('task-engine:work:wait');
      if (hints === 0) throw new Error('no hint waits');
      const admitted = perJob(before, await turn.stored(), jobs);
      return {
        figures: { [REDIS]: admitted.redis, 'Redis B/job in a paused lane': queued.redis },
        checked: `checked: ${jobs} jobs wait, ${hints} hints tell of them`,
        stored: admitted,
      };
    },
  };

  const bull: Side = {
    name: 'bull',
    setup: `${jobs} waiting jobs of Bull 4 whose data is what the body of our POST /job says`,
    async run(turn) {
      const peer = turn.spawn<BullDrain>('bull', 'peers/bull-drain.process');
      const before = await turn.stored();
      const ids = await peer.call('fill', { redisUrl: turn.redisUrl, queue: 'memory', jobs, data: JOB });
      const stored = perJob(before, await turn.stored(), jobs);
      const waiting = await turn.redis.llen('bull:memory:wait');
      if (waiting !== jobs || new Set(ids).size !== jobs) throw new Error(`${waiting} of ${jobs} jobs wait`);
      return { figures: { [REDIS]: stored.redis }, checked: `checked: ${jobs} jobs wait`, stored };
    },
  };

  return {
    id: 'M',
    notes: [
      'A job that waits has nothing in Redis of its own: a hint tells of all that an admission queued, and workers claim from the table.',
    ],
    title: `memory: ${idleSeconds} s idle; ${jobs} waiting jobs`,
    sides: [idle, ours, bull],
    bars: [
      { name: 'idle memory, RSS MB', figure: 'RSS MB', of: idle.name, better: 'lower', must: 750, aim: 550 },
      { name: 'idle memory, PSS MB', figure: 'PSS MB', of: idle.name, better: 'lower' },
      { name: 'Redis per waiting job', figure: REDIS, of: ours.name, against: bull.name, better: 'lower', must: 1 },
    ],
  };
}
