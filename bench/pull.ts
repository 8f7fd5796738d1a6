import { BenchEngine } from './engine/bench-engine';
import type { Benchmark, Scale, Side } from './harness/benchmark';
import { perJob } from './harness/storage';
import type { Turn } from './harness/turn';
import { median } from './harness/verdict';
import type { PullWorkersLoad } from './load/pull-workers.process';
import type { BarePull } from './peers/bare-pull.process';

const WORKERS = 20;
/** When enough have come, each worker still brings its last one to an end. */
const SPARE = 2 * WORKERS;
/** Connections to PostgreSQL of the process that answers, on both sides: the gateway's default. */
const POOL = 10;
/** Tasks of one bulk_submit. */
const BULK = 5_000;
const BULKS = 5;
const TASK = { project: 1, max_retries: 3, priority: 1, max_assign_time: 3600 };

/** P9: how fast workers get tasks and give them back, and how fast many tasks are submitted. */
export function pull(scale: Scale): Benchmark {
  const count = scale.of(20_000, 500);
  const warmUp = scale.of(2_000, 100);
  const open = scale.of(1_000_000, 5_000);

  const ours: Side = {
    name: 'task engine',
    setup: `one gateway with the four other apps up, ${POOL} connections to PostgreSQL; ${WORKERS} workers, each GET /task/get, then POST /task/release, one after the other`,
    async run(turn) {
      const project = await Project.open(turn);
      await project.submit(warmUp + count + SPARE);
      await project.work(warmUp);
      const before = await turn.stored();
      const { seconds, ids, requests } = await turn.window(() => project.work(count));
      const stored = perJob(before, await turn.stored(), count);
      const checked = await checkTasks(turn, ids, count);
      return { figures: { 'requests/s': requests / seconds }, checked, stored };
    },
  };

  const floor: Side = {
    name: 'bare Nest',
    setup: `Nest on Fastify, GET that makes one UPDATE with SKIP LOCKED and RETURNING; ${POOL} connections to PostgreSQL, ${WORKERS} to the server`,
    async run(turn) {
      const server = turn.spawn<BarePull>('bare server', 'peers/bare-pull.process');
      const tasks = 2 * (warmUp + count);
      const origin = await server.call('listen', { databaseUrl: turn.databaseUrl, connections: POOL, tasks });
      const load = turn.spawn<PullWorkersLoad>('load', 'load/pull-workers.process');
      const get = (times: number) => load.call('get', { url: `${origin}/next`, connections: WORKERS, count: times });
      await get(2 * warmUp);
      const { seconds, ids } = await turn.window(() => get(2 * count));
      if (new Set(ids).size !== 2 * count) throw new Error('a row was given out twice');
      return { figures: { 'requests/s': ids.length / seconds }, checked: `checked: ${ids.length} rows, each once` };
    },
  };

  const bulk: Side = {
    name: 'task engine bulk',
    setup: `POST /task/bulk_submit of ${BULK} tasks, one after the other; seconds of one, the median of ${BULKS}`,
    async run(turn) {
      const project = await Project.open(turn);
      const seconds: number[] = [];
      await turn.window(async () => {
        for (let time = 0; time < BULKS; time += 1) seconds.push(await project.submit(BULK));
      });
      return {
        figures: { 's a bulk': median(seconds) },
        checked: `checked: ${await project.openTasks(BULK * BULKS)} tasks`,
      };
    },
  };

  const insert: Side = {
    name: 'one INSERT',
    setup: `one INSERT of ${BULK} rows with the same values into a table with a primary key; seconds of one, the median of ${BULKS}`,
    async run(turn) {
      const peer = turn.spawn<BarePull>('insert', 'peers/bare-pull.process');
      const seconds = await turn.window(() =>
        peer.call('insert', { databaseUrl: turn.databaseUrl, rows: BULK, times: BULKS }),
      );
      return { figures: { 's a bulk': median(seconds) }, checked: `checked: ${BULKS} times ${BULK} rows` };
    },
  };

  const many = (tasks: number): Side => ({
    name: `${tasks} open`,
    setup: `the same workers, ${tasks} tasks open in the project before they begin`,
    async run(turn) {
      const project = await Project.open(turn);
      await project.submit(tasks + warmUp + SPARE);
      await turn.database.query('ANALYZE');
      await project.work(warmUp);
      const times = Math.min(tasks, 4_000);
      const { seconds, ids, requests } = await turn.window(() => project.work(times));
      const checked = `checked: ${new Set(ids).size} tasks, each once`;
      return { figures: { 'ms a request': (seconds * 1_000) / requests }, checked };
    },
  });
  const [few, lots] = [many(scale.of(6_000, 500)), many(open)];

  return {
    id: 'P9',
    title: `${WORKERS} workers get and release ${count} tasks; ${BULK} tasks in a bulk; ${open} open tasks`,
    sides: [ours, floor, bulk, insert, few, lots],
    bars: [
      { name: 'rate', figure: 'requests/s', of: ours.name, against: floor.name, better: 'higher', must: 0.5, aim: 0.8 },
      { name: 'bulk', figure: 's a bulk', of: bulk.name, against: insert.name, better: 'lower', must: 5 },
      { name: 'many open', figure: 'ms a request', of: lots.name, against: few.name, better: 'lower', must: 1.5 },
    ],
  };
}

/** A project with its workers, as their manager and they make them over HTTP. */
class Project {
  private constructor(
    private readonly turn: Turn,
    private readonly url: string,
    private readonly workers: { id: number; secret: string }[],
  ) {}

  static async open(turn: Turn): Promise<Project> {
    const { url } = await BenchEngine.start(turn, { env: { DATABASE_POOL_SIZE: String(POOL) } });
    const registered = await post(url, '/register', { username: 'bench', password: 'bench-password' }, {});
    const cookie = registered.headers.getSetCookie()[0]!.split(';')[0]!;
    await post(url, '/project/create', { name: 'bench', public: true }, { cookie });
    const workers: { id: number; secret: string }[] = [];
    for (let n = 0; n < WORKERS; n += 1) {
      const created = (await (await post(url, '/worker/create', { alias: `worker ${n}` }, {})).json()) as {
        content: { worker: { id: number; secret: string } };
      };
      workers.push(created.content.worker);
    }
    const project = new Project(turn, url, workers);
    await post(url, '/project/request_access', { project: 1, submit: true, assign: true }, project.headers);
    await post(url, `/project/accept_request/1/${workers[0]!.id}`, {}, { cookie });
    return project;
  }

  /** @returns seconds, of the last bulk */
  async submit(count: number): Promise<number> {
    let seconds = 0;
    for (let from = 0; from < count; from += BULK) {
      const size = Math.min(BULK, count - from);
      const requests = Array.from({ length: size }, (_, n) => ({ ...TASK, recipe: `recipe ${from + n}` }));
      const body = JSON.stringify({ requests });
      const began = performance.now();
      await post(this.url, '/task/bulk_submit', body, this.headers);
      seconds = (performance.now() - began) / 1_000;
    }
    return seconds;
  }

  work(count: number) {
    const load = this.turn.spawn<PullWorkersLoad>('load', 'load/pull-workers.process');
    return load.call('work', { url: this.url, project: 1, workers: this.workers, count });
  }

  async openTasks(expected: number): Promise<number> {
    const { rows } = await this.turn.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pull_task t JOIN job j ON j.id = t.job_id WHERE t.state = 'open' AND j.state = 'queued'`,
    );
    if (rows[0]!.n !== expected) throw new Error(`${rows[0]!.n} of ${expected} tasks are there`);
    return expected;
  }

  private get headers(): Record<string, string> {
    const { id, secret } = this.workers[0]!;
    return { 'x-worker-id': String(id), 'x-secret': secret };
  }
}

/** @throws Error when the answer is not 200 */
async function post(
  url: string,
  path: string,
  body: object | string,
  headers: Record<string, string>,
): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: text });
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return answer;
}

/** @throws Error when a task was given out twice, or is not closed by one execution */
async function checkTasks(turn: Turn, ids: readonly string[], count: number): Promise<string> {
  const { rows } = await turn.database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pull_task t WHERE t.job_id = ANY($1::bigint[]) AND t.state = 'closed'
       AND (SELECT count(*) FROM execution e WHERE e.job_id = t.job_id) = 1`,
    [ids],
  );
  const distinct = new Set(ids).size;
  if (distinct !== ids.length || rows[0]!.n !== ids.length || ids.length < count)
    throw new Error(
      `${count} tasks: ${ids.length} given back, ${distinct} of them different, ${rows[0]!.n} closed by one execution`,
    );
  return `checked: ${ids.length} tasks, each given to one worker once, all closed`;
}
