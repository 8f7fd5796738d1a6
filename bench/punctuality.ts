import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { eventually } from '../scripts/local/eventually';
import { BenchEngine } from './engine/bench-engine';
import { checkDelivered } from './engine/exact-delivery';
import type { Benchmark, Figures, Scale, Side } from './harness/benchmark';
import { percentile } from './harness/verdict';
import { type Lateness, latenessOf } from './punctuality-lateness';
import type { Moment } from './punctuality-peer';
import type { DelayedProcess } from './punctuality-peer.process';

/** Tasks at one time in the one worker process, on both sides. */
const CONCURRENCY = 50;
/** Jobs running at one time at most: never the limit here, the worker's slots are. */
const MAX_JOBS = 1_000;
/** Requests at one time while the jobs are submitted, which is not measured. */
const CONNECTIONS = 20;
const SPREAD_MS = 30_000;
/** From the last submit to the first due time at least: a checkpoint and the harness's own look fit in. */
const HEAD_START_MS = 3_000;
/** The window opens this long before the first is due: its checkpoint comes first. */
const WINDOW_BEFORE_MS = 1_500;
const TIMEOUT_MS = 60_000;

/** P4: how late jobs start that are to start at a given time. */
export function punctuality(scale: Scale): Benchmark {
  const spread = scale.of(10_000, 1_000);
  const spreadMs = scale.of(SPREAD_MS, 3_000);
  const together = scale.of(100, 50);
  const warmUp = scale.of(1_000, 200);
  /** Evenly spread ones, and those of one second in the middle; in the order of submission: the same for both sides. */
  const offsets = [
    ...Array.from({ length: spread }, (_, index) => Math.round((index * spreadMs) / spread)),
    ...Array.from({ length: together }, () => spreadMs / 2),
  ];

  const ours: Side = {
    name: 'task engine',
    setup:
      `the five apps, one process each, WORK_CONCURRENCY=${CONCURRENCY}, max_jobs ${MAX_JOBS}; workflow \`noop\` with run_at, submitted over HTTP. ` +
      'Start: the first line of the handler, written down by a hook in the worker process (engine/handler-starts.ts)',
    async run(turn) {
      const engine = await BenchEngine.start(turn, {
        env: { WORK_CONCURRENCY: String(CONCURRENCY) },
        maxJobs: MAX_JOBS,
        handlerStarts: true,
      });
      const client = new Pool(engine.url, { connections: CONNECTIONS });
      turn.onEnd(() => client.close());

      const began = Date.now();
      await submit(
        client,
        engine,
        offsets.slice(0, warmUp).map(() => began + 1_000),
      );
      const perJob = (Date.now() - began) / warmUp;
      await engine.drained(TIMEOUT_MS / 1_000);

      // twice the time that it should take: a slow moment must not make jobs due that are not submitted yet
      const first = Date.now() + Math.ceil(perJob * offsets.length * 2) + HEAD_START_MS;
      turn.note(`submitting ${offsets.length} jobs, the first is due in ${Math.round((first - Date.now()) / 1_000)} s`);
      const due = await submit(
        client,
        engine,
        offsets.map((offset) => first + offset),
      );
      if (Date.now() > first - WINDOW_BEFORE_MS) throw new Error('submitting took longer than expected; try again');
      await delay(first - WINDOW_BEFORE_MS - Date.now());
      await turn.window(() => engine.drained((WINDOW_BEFORE_MS + spreadMs + TIMEOUT_MS) / 1_000));
      const ids = due.map(([job]) => job);
      const starts = await engine.handlerStarts(ids);
      const lateness = latenessOf(
        due,
        ids.flatMap((id) => starts.get(id)!.map(({ epochMs }): Moment => [id, epochMs])),
      );
      const delivered = await checkDelivered(turn.database, ids);
      return { figures: figures(lateness, spread), checked: `${delivered}; ${lateness.checked}` };
    },
  };

  const bullmq: Side = {
    name: 'bullmq',
    setup: `BullMQ delayed jobs with the same due times, one worker process at concurrency ${CONCURRENCY}, handler an async function that notes the time`,
    async run(turn) {
      const peer = turn.spawn<DelayedProcess>('bullmq worker', 'punctuality-peer.process');
      await peer.call('start', { redisUrl: turn.redisUrl, concurrency: CONCURRENCY });
      const started = (count: number, timeout: number) =>
        eventually(async () => (await peer.call('started')) >= count, { timeout, interval: 200 });
      const began = Date.now();
      await peer.call(
        'add',
        offsets.slice(0, warmUp).map((_, index): Moment => [`warm-${index}`, began + 1_000]),
      );
      await started(warmUp, TIMEOUT_MS);
      await peer.call('takeStarts');

      const first = Date.now() + 2 * HEAD_START_MS;
      const due = offsets.map((offset, index): Moment => [String(index), first + offset]);
      await peer.call('add', due);
      if (Date.now() > first - WINDOW_BEFORE_MS) throw new Error('adding took longer than expected; try again');
      await delay(first - WINDOW_BEFORE_MS - Date.now());
      const starts = await turn.window(async () => {
        await started(due.length, first - Date.now() + spreadMs + TIMEOUT_MS);
        return peer.call('takeStarts');
      });
      const lateness = latenessOf(due, starts);
      return { figures: figures(lateness, spread), checked: lateness.checked };
    },
  };

  return {
    id: 'P4',
    title: `punctuality: ${spread} jobs due over ${spreadMs / 1_000} s, and ${together} on one second`,
    sides: [ours, bullmq],
    bars: [
      {
        name: 'p99 lateness',
        figure: 'p99 ms',
        of: 'task engine',
        against: 'bullmq',
        better: 'lower',
        must: 3,
        aim: 1.5,
      },
      { name: 'p99 lateness, ms', figure: 'p99 ms', of: 'task engine', better: 'lower', must: 1_000, aim: 250 },
    ],
    notes: [
      'Lateness: start of the handler less the due time, in whole ms of the machine’s one clock. A job that starts early, twice or never ends the run.',
      `There are no schedules that create jobs in this engine yet: the ${together} on one second are jobs with the same run_at.`,
    ],
  };
}

/** Submits one job for each due time (ms since the epoch); answers their ids with the due times. */
async function submit(client: Pool, { headers }: BenchEngine, dueTimes: readonly number[]): Promise<Moment[]> {
  const jobs: Moment[] = [];
  const entries = dueTimes.entries();
  const sender = async () => {
    for (const [index, due] of entries) {
      const job = { workflow: 'noop', run_at: new Date(due).toISOString() };
      const answer = await client.request({
        path: '/job',
        method: 'POST',
        headers,
        body: JSON.stringify({ job, parameters: {} }),
      });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`POST /job answered ${answer.statusCode}: ${text}`);
      jobs[index] = [String((JSON.parse(text) as { id: unknown }).id), due];
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, sender));
  return jobs;
}

function figures({ milliseconds }: Lateness, spread: number): Figures {
  return {
    'p50 ms': percentile(milliseconds, 0.5),
    'p99 ms': percentile(milliseconds, 0.99),
    'max ms': Math.max(...milliseconds),
    // submitted last
    'p99 ms of those on one second': percentile(milliseconds.slice(spread), 0.99),
  };
}
