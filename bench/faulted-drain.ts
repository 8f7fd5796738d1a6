import { Client } from 'pg';
import { eventually } from '../scripts/local/eventually';
import { BenchEngine } from './engine/bench-engine';
import { checkDelivered } from './engine/exact-delivery';
import { copyFinishedJob } from './faulted-drain-history';
import { checkSurvived } from './faulted-drain-survival';
import { FULL, recoveryAfter, WINDOW_MS } from './faulted-drain-recovery';
import type { Benchmark, Measurement, Scale, Side } from './harness/benchmark';
import type { Turn } from './harness/turn';

/** As in P2. */
const CONCURRENCY = 10;
const MAX_JOBS = 1_000;
const TIMEOUT_SECONDS = 900;
/** LEASE_SECONDS of the worker, its default. */
const LEASE_SECONDS = 10;

/** P8: what a killed worker, and what a large history with an old snapshot beside it, cost the drain of P2. */
export function faultedDrain(scale: Scale): Benchmark {
  const jobs = scale.of(20_000, 2_000);
  const warmUp = scale.of(2_000, 200);
  const history = scale.of(1_000_000, 20_000);
  /** Jobs per second of one worker without a fault, in the round that runs: what is full for the worker that is left. */
  let fullRate = Number.NaN;

  const plain: Side = {
    name: 'no fault',
    setup: `P2: the five apps, one process each, WORK_CONCURRENCY=${CONCURRENCY}, max_jobs ${MAX_JOBS}, ${jobs} waiting jobs of workflow \`noop\``,
    async run(turn) {
      const { engine, ids } = await fill(turn, { jobs, warmUp });
      const measurement = await drain(turn, engine, ids);
      fullRate = measurement.figures['jobs/s']!;
      return measurement;
    },
  };

  const killed: Side = {
    name: 'worker killed',
    setup:
      'the same with two task-workers and twice as many jobs, so that there is something to see afterwards; one is killed with SIGKILL when half ' +
      'of them are completed, and stays down',
    async run(turn) {
      const { engine, ids } = await fill(turn, { jobs: 2 * jobs, warmUp, workers: 2 });
      const fault = await turn.window(async () => {
        const resumed = await engine.resume();
        const pid = engine.suite.pid('task-worker', 2)!;
        await completed(turn.database, ids, ids.length / 2);
        const at = Date.now();
        await engine.suite.takeDown('task-worker', 2, 'SIGKILL');
        // none of them is given to another before its lease is over
        const inFlight = await running(turn.database, pid);
        await engine.drained(TIMEOUT_SECONDS);
        return { resumed: resumed.getTime(), at, inFlight };
      });
      const survival = await checkSurvived(turn.database, ids, fault.inFlight);
      const before = survival.completions.filter((at) => at < fault.at).length;
      const { milliseconds, lowestRate } = recoveryAfter(survival.completions, fault.at, fullRate);
      return {
        figures: {
          'recovery s': milliseconds / 1_000,
          // the worker may die just when it has nothing in its hands
          'lost work done s': survival.repeats === 0 ? 0 : (survival.lastRepeat - fault.at) / 1_000,
          'jobs/s before': (before * 1_000) / (fault.at - fault.resumed),
          'lowest jobs/s after': lowestRate,
          repeats: survival.repeats,
          'in flight': fault.inFlight,
        },
        checked: survival.checked,
      };
    },
  };

  const large: Side = {
    name: 'large history',
    setup:
      `as without a fault, with ${history} finished jobs in the tables (copies of one that the suite finished, with all their rows, then VACUUM ANALYZE) ` +
      'and a foreign session idle in a transaction, with a snapshot older than all waiting jobs',
    async run(turn) {
      const { engine, ids } = await fill(turn, { jobs, warmUp, history });
      return drain(turn, engine, ids);
    },
  };

  return {
    id: 'P8',
    title: `drain ${jobs} jobs while a worker is killed; beside ${history} finished jobs and an idle transaction`,
    sides: [plain, killed, large],
    bars: [
      {
        name: 'seconds from the kill to the full rate',
        figure: 'recovery s',
        of: 'worker killed',
        better: 'lower',
        must: LEASE_SECONDS + 5,
        aim: LEASE_SECONDS + 2,
      },
      {
        name: 'seconds from the kill until lost work is done',
        figure: 'lost work done s',
        of: 'worker killed',
        better: 'lower',
        must: LEASE_SECONDS + 5,
        aim: LEASE_SECONDS + 2,
      },
      {
        name: 'rate beside a large history',
        figure: 'jobs/s',
        of: 'large history',
        against: 'no fault',
        better: 'higher',
        must: 0.6,
        aim: 0.85,
      },
    ],
    notes: [
      `Full rate after the kill: ${FULL} of the rate of one worker without a fault in the same round, held over ${WINDOW_MS / 1_000} s; from the kill to the begin of the first such time.`,
      'Checked after the kill: each job completed once, by one execution that succeeded; beside it only executions that the killed worker held, at most as many as it had in flight.',
    ],
  };
}

interface Filling {
  jobs: number;
  warmUp: number;
  workers?: number;
  /** Finished jobs in the tables. */
  history?: number;
}

/** Starts the apps, warms them up, and has the jobs wait in a paused lane. */
async function fill(
  turn: Turn,
  { jobs, warmUp, workers = 1, history = 0 }: Filling,
): Promise<{ engine: BenchEngine; ids: string[] }> {
  const engine = await BenchEngine.start(turn, {
    replicas: { 'task-worker': workers },
    env: { WORK_CONCURRENCY: String(CONCURRENCY), LEASE_SECONDS: String(LEASE_SECONDS) },
    maxJobs: MAX_JOBS,
  });
  const { ids: warm } = await engine.submit(warmUp);
  await engine.drained(TIMEOUT_SECONDS);
  if (history > 0) {
    await copyFinishedJob(turn.database, warm[0]!, history, (written) => {
      if (written % 100_000 === 0) turn.note(`${written} finished jobs written`);
    });
    await holdSnapshot(turn);
  }
  await engine.pause();
  turn.note(`submitting ${jobs} jobs`);
  const { ids } = await engine.submit(jobs);
  turn.note('draining');
  return { engine, ids };
}

/** The clock of P2: from the resume until the last job is completed. */
async function drain(turn: Turn, engine: BenchEngine, ids: readonly string[]): Promise<Measurement> {
  const seconds = await turn.window(async () => {
    const resumed = await engine.resume();
    await engine.drained(TIMEOUT_SECONDS);
    return ((await engine.lastFinish()).getTime() - resumed.getTime()) / 1_000;
  });
  return { figures: { 'jobs/s': ids.length / seconds }, checked: await checkDelivered(turn.database, ids) };
}

/** Opens a session that stays idle in its transaction until the turn ends: no row that dies from now on can be removed. */
async function holdSnapshot(turn: Turn): Promise<void> {
  const session = new Client({ connectionString: turn.databaseUrl, application_name: 'foreign' });
  await session.connect();
  turn.onEnd(() => session.end());
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await session.query('SELECT count(*) FROM lane');
}

/** Waits until so many of the jobs are completed; asks for the number alone, since what is asked costs time of what is measured. */
async function completed(database: Client, ids: readonly string[], count: number): Promise<void> {
  const smallest = ids.reduce((least, id) => (BigInt(id) < BigInt(least) ? id : least));
  await eventually(
    async () => {
      const { rows } = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM job WHERE state = 'completed' AND id >= $1`,
        [smallest],
      );
      return rows[0]!.n >= count;
    },
    { timeout: TIMEOUT_SECONDS * 1_000, interval: 100 },
  );
}

/** Executions that a worker process holds. */
async function running(database: Client, pid: number): Promise<number> {
  const { rows } = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM execution e JOIN worker w ON w.id = e.worker_id WHERE e.state = 'running' AND w.pid = $1`,
    [pid],
  );
  return rows[0]!.n;
}
