import { BenchEngine } from './engine/bench-engine';
import { checkDelivered, checkExact } from './engine/exact-delivery';
import type { Benchmark, Figures, Scale, Side } from './harness/benchmark';
import { percentile } from './harness/verdict';
import type { OpenLoop, Sent } from './load/open-loop.process';
import type { BullmqWorker } from './peers/bullmq-worker.process';

const PER_SECOND = 100;
const CONCURRENCY = 10;
const MAX_JOBS = 100;
const TIMEOUT_SECONDS = 120;

/** Jobs that come one by one, and how soon each runs. */
export function lonelyJobs(scale: Scale): Side {
  const { count, warmUp } = sizes(scale);
  return {
    name: 'a lone job',
    setup:
      `the five apps, WORK_CONCURRENCY=${CONCURRENCY}, max_jobs ${MAX_JOBS}; POST /job of workflow \`noop\`. The start is noted around the ` +
      'handler inside the worker (bench/engine/handler-starts.ts), on the machine’s monotonic clock',
    async run(turn) {
      const env = { WORK_CONCURRENCY: String(CONCURRENCY) };
      const engine = await BenchEngine.start(turn, { env, maxJobs: MAX_JOBS, handlerStarts: true });
      const load = turn.spawn<OpenLoop>('load', 'load/open-loop.process');
      const send = (jobs: number) =>
        load.call('http', {
          url: `${engine.url}/job`,
          headers: engine.headers,
          body: JSON.stringify({ job: { workflow: 'noop' }, parameters: {} }),
          perSecond: PER_SECOND,
          count: jobs,
        });
      await send(warmUp);
      await engine.drained(TIMEOUT_SECONDS);
      const sent = await turn.window(() => send(count));
      await engine.drained(TIMEOUT_SECONDS);
      const ids = sent.map(([id]) => id);
      const starts = await engine.handlerStarts(ids);
      const first = ids.map((id): [string, number] => [id, starts.get(id)![0]!.monotonicMs]);
      return { figures: latencies(sent, new Map(first)), checked: await checkDelivered(turn.database, ids) };
    },
  };
}

/** P3: how soon a job runs when nothing else waits. */
export function latency(scale: Scale): Benchmark {
  const { count, warmUp } = sizes(scale);
  const ours = { ...lonelyJobs(scale), name: 'task engine' };

  const bullmq: Side = {
    name: 'bullmq',
    setup: `BullMQ \`add\` in one process, a worker at concurrency ${CONCURRENCY} in another, default options`,
    async run(turn) {
      const { redisUrl } = turn;
      const worker = turn.spawn<BullmqWorker>('bullmq worker', 'peers/bullmq-worker.process');
      const load = turn.spawn<OpenLoop>('load', 'load/open-loop.process');
      await worker.call('start', { redisUrl, queue: 'latency', concurrency: CONCURRENCY });
      const send = (jobs: number) =>
        load.call('bullmq', { redisUrl, queue: 'latency', perSecond: PER_SECOND, count: jobs });
      const started = (jobs: number) => worker.call('starts', { jobs, timeoutMs: TIMEOUT_SECONDS * 1000 });
      await send(warmUp);
      await started(warmUp);
      const sent = await turn.window(() => send(count));
      const starts = await started(count);
      const checked = checkExact(
        sent.map(([id]) => id),
        starts.map(([id]) => id),
      );
      return { figures: latencies(sent, new Map(starts)), checked };
    },
  };

  const between = { of: ours.name, against: bullmq.name, better: 'lower' } as const;
  return {
    id: 'P3',
    title: `${PER_SECOND} jobs a second for ${count / PER_SECOND} s, open loop: request sent to handler started`,
    sides: [ours, bullmq],
    bars: [
      { name: 'p50', figure: 'p50 ms', ...between, must: 6, aim: 3 },
      { name: 'p99', figure: 'p99 ms', ...between, must: 8, aim: 4 },
    ],
  };
}

function sizes(scale: Scale): { count: number; warmUp: number } {
  return { count: scale.of(20, 3) * PER_SECOND, warmUp: scale.of(30, 2) * PER_SECOND };
}

function latencies(sent: Sent, starts: ReadonlyMap<string, number>): Figures {
  const times = sent.map(([id, at]) => starts.get(id)! - at);
  return { 'p50 ms': percentile(times, 0.5), 'p99 ms': percentile(times, 0.99), 'max ms': percentile(times, 1) };
}
