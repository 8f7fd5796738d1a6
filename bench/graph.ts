import { BenchEngine } from './engine/bench-engine';
import { plainSpawn } from './executions';
import type { Benchmark, Scale, Side } from './harness/benchmark';
import { perJob } from './harness/storage';
import type { Turn } from './harness/turn';
import { percentile } from './harness/verdict';
import { lonelyJobs } from './latency';
import type { GraphLoad } from './load/graph.process';

/** Its shell does it without a further program: as the floor, a task starts one. */
const COMMAND = 'true';
/** Tasks at one time. */
const MAX_RUNNING = 64;
const CONNECTIONS = 20;
/** Of the layer before, that each task waits for. */
const PARENTS = 3;
const TIMEOUT_SECONDS = 600;

/** P10: how fast a graph of tasks is made and run, and how soon a task follows the last one that it waits for. */
export function graph(scale: Scale): Benchmark {
  const side = scale.of(100, 10);
  const count = side * side;
  const warmUp = scale.of(1_000, 20);
  const chain = scale.of(1_000, 20);

  const ours: Side = {
    name: 'task engine',
    setup:
      `the five apps, one process each, ${MAX_RUNNING} at one time; POST /api/tasks over ${CONNECTIONS} connections, layer after layer, each task ` +
      `with ${PARENTS} dependencies, while they run. Clock: from the first request until the last task is done (PostgreSQL’s)`,
    async run(turn) {
      const { engine, build } = await open(turn);
      await build({ layers: [warmUp], parents: 0 });
      await engine.drained(TIMEOUT_SECONDS);
      const before = await turn.stored();
      const { rows } = await turn.database.query<{ at: Date }>('SELECT clock_timestamp() AS at');
      const ids = await turn.window(async () => {
        const built = await build({ layers: Array.from({ length: side }, () => side), parents: PARENTS });
        await engine.drained(TIMEOUT_SECONDS);
        return built;
      });
      const seconds = ((await engine.lastFinish()).getTime() - rows[0]!.at.getTime()) / 1000;
      const stored = perJob(before, await turn.stored(), count);
      return { figures: { 'tasks/s': count / seconds }, checked: await checkTasks(turn, ids), stored };
    },
  };

  const floor = plainSpawn({ count, warmUp, figure: 'tasks/s' });

  const chained: Side = {
    name: 'a chain',
    setup: `the five apps; ${chain} tasks, each depends on the one before. From the end of one to the start of the next, on PostgreSQL’s clock`,
    async run(turn) {
      const { engine, build } = await open(turn);
      await build({ layers: [warmUp], parents: 0 });
      await engine.drained(TIMEOUT_SECONDS);
      const ids = await turn.window(async () => {
        const built = await build({ layers: Array.from({ length: chain }, () => 1), parents: 1 });
        await engine.drained(TIMEOUT_SECONDS);
        return built;
      });
      const checked = await checkTasks(turn, ids);
      // those alone that were there before the one that they waited for had ended
      const { rows } = await turn.database.query<{ ms: number }>(
        `SELECT EXTRACT(EPOCH FROM e.started_at - p.finished_at)::float8 * 1000 AS ms
         FROM job j JOIN graph_task g ON g.job_id = j.id JOIN execution p ON p.job_id = g.dependencies[1] JOIN execution e ON e.job_id = j.id
         WHERE j.id = ANY($1::bigint[]) AND j.created_at < p.finished_at`,
        [ids],
      );
      const times = rows.map(({ ms }) => ms);
      if (times.length < chain / 10)
        throw new Error(`only ${times.length} of ${chain} tasks waited for the one before`);
      return { figures: { 'p50 ms': percentile(times, 0.5), 'p99 ms': percentile(times, 0.99) }, checked };
    },
  };

  const lonely = lonelyJobs(scale);
  return {
    id: 'P10',
    title: `${count} tasks of ${COMMAND} in ${side} layers, from submission to done; a chain of ${chain}`,
    sides: [ours, floor, chained, lonely],
    bars: [
      { name: 'rate', figure: 'tasks/s', of: ours.name, against: floor.name, better: 'higher', must: 0.5 },
      { name: 'release', figure: 'p99 ms', of: chained.name, against: lonely.name, better: 'lower', must: 3 },
    ],
  };
}

async function open(turn: Turn) {
  const engine = await BenchEngine.start(turn, {
    env: { SHELL_CONCURRENCY: String(MAX_RUNNING), DTS_RATE_LIMIT: '1000000' },
  });
  const load = turn.spawn<GraphLoad>('load', 'load/graph.process');
  const build = async ({ layers, parents }: { layers: number[]; parents: number }) => {
    const headers = { authorization: `ApiKey ${engine.headers['api-key']}` };
    const request = { url: engine.url, headers, command: COMMAND, layers, parents, connections: CONNECTIONS };
    return (await load.call('build', request)).ids;
  };
  return { engine, build };
}

/** @throws Error when one is missing, did not run exactly once, or began before one that it depends on had ended */
async function checkTasks(turn: Turn, ids: readonly string[]): Promise<string> {
  const { rows } = await turn.database.query<{ done: number; early: number }>(
    `SELECT count(*) FILTER (WHERE j.state = 'completed' AND (SELECT count(*) FROM execution e WHERE e.job_id = j.id) = 1)::int AS done,
            count(*) FILTER (WHERE EXISTS (
              SELECT FROM unnest(g.dependencies) AS parent (id) JOIN execution p ON p.job_id = parent.id
                JOIN execution e ON e.job_id = j.id WHERE e.started_at < p.finished_at
            ))::int AS early
     FROM job j JOIN graph_task g ON g.job_id = j.id WHERE j.id = ANY($1::bigint[])`,
    [ids],
  );
  const { done, early } = rows[0]!;
  if (done !== ids.length) throw new Error(`${done} of ${ids.length} tasks completed in one execution`);
  if (early > 0) throw new Error(`${early} tasks began before those that they depend on had ended`);
  return `checked: ${ids.length} tasks, each once, none before those that it depends on`;
}
