import { BenchEngine } from './engine/bench-engine';
import type { Benchmark, Scale, Side } from './harness/benchmark';
import { perJob } from './harness/storage';
import type { Turn } from './harness/turn';
import type { HttpLoad } from './load/http-load.process';
import type { SpawnLoop } from './peers/spawn-loop.process';

export const COMMAND = '/bin/true';
/** Processes at one time of plain spawn: with more it is no faster on two cores. */
const AT_ONCE = 4;
/** `maxRunning`: an execution holds its slot from its admission until its end is stored. */
const MAX_RUNNING = 64;
const CONNECTIONS = 20;
const TIMEOUT_SECONDS = 600;

/** P5: how fast commands are run, from their submission to their end. */
export function executions(scale: Scale): Benchmark {
  const count = scale.of(8_000, 100);
  const warmUp = scale.of(1_000, 20);

  const ours: Side = {
    name: 'task engine',
    setup:
      `the five apps, one process each, host executor, maxRunning ${MAX_RUNNING}; POST /tasks/bench/ over ${CONNECTIONS} connections while they ` +
      'run. Clock: from the first request until the last execution is done (PostgreSQL’s)',
    async run(turn) {
      const engine = await BenchEngine.start(turn, {
        env: {
          FASTLANE_EXECUTOR: 'host',
          DOCKER_HOSTS: JSON.stringify([{ match: '', hosts: ['localhost:2375'], maxRunning: MAX_RUNNING }]),
        },
      });
      const load = turn.spawn<HttpLoad>('load', 'load/http-load.process');
      const submit = (commands: number) =>
        load.call('post', {
          url: `${engine.url}/tasks/bench/`,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ image: 'none', command: COMMAND }),
          connections: CONNECTIONS,
          count: commands,
          idField: 'executionId',
        });
      await submit(warmUp);
      await engine.drained(TIMEOUT_SECONDS);
      const before = await turn.stored();
      const { rows } = await turn.database.query<{ at: Date }>('SELECT clock_timestamp() AS at');
      const { ids } = await turn.window(async () => {
        const submitted = await submit(count);
        await engine.drained(TIMEOUT_SECONDS);
        return submitted;
      });
      const seconds = ((await engine.lastFinish()).getTime() - rows[0]!.at.getTime()) / 1000;
      const stored = perJob(before, await turn.stored(), count);
      return { figures: { 'executions/s': count / seconds }, checked: await checkRuns(turn, ids), stored };
    },
  };

  const floor = plainSpawn({ count, warmUp, figure: 'executions/s' });

  return {
    id: 'P5',
    title: `${count} executions of ${COMMAND} as processes, from submission to done`,
    sides: [ours, floor],
    bars: [
      {
        name: 'rate',
        figure: 'executions/s',
        of: ours.name,
        against: floor.name,
        better: 'higher',
        must: 0.35,
        aim: 0.7,
      },
    ],
  };
}

/** The least that starting so many processes costs. */
export function plainSpawn({ count, warmUp, figure }: { count: number; warmUp: number; figure: string }): Side {
  return {
    name: 'plain spawn',
    setup: `child_process.spawn of ${COMMAND} in one Node process, ${AT_ONCE} at once, outputs as pipes, each waited for until it is closed`,
    async run(turn) {
      const loop = turn.spawn<SpawnLoop>('spawn loop', 'peers/spawn-loop.process');
      await loop.call('run', { command: COMMAND, count: warmUp, atOnce: AT_ONCE });
      const { seconds, succeeded } = await turn.window(() =>
        loop.call('run', { command: COMMAND, count, atOnce: AT_ONCE }),
      );
      if (succeeded !== count) throw new Error(`${count - succeeded} of ${count} processes failed`);
      return { figures: { [figure]: count / seconds }, checked: `checked: ${count} processes, exit code 0` };
    },
  };
}

/** @throws Error when one is missing, or did not run exactly once to exit code 0 */
export async function checkRuns(turn: Turn, ids: readonly string[]): Promise<string> {
  const { rows } = await turn.database.query<{ runs: number }>(
    `SELECT count(*)::int AS runs FROM (SELECT DISTINCT unnest($1::uuid[]) AS uuid) s JOIN run r USING (uuid)
     WHERE r.state = 'succeeded' AND r.exit_code = 0 AND (SELECT count(*) FROM execution e WHERE e.job_id = r.job_id) = 1`,
    [ids],
  );
  if (rows[0]!.runs !== ids.length)
    throw new Error(`${rows[0]!.runs} of ${ids.length} ran exactly once with exit code 0`);
  return `checked: ${ids.length} executions, each once, exit code 0`;
}
