import { randomBytes } from 'node:crypto';
import { createDataSource, Database } from '@task-engine/database';
import { LocalError } from '../local/local-error';
import type { Checks } from './checks';
import type { EngineClient } from './engine-client';
import type { Screen } from './screen';

export interface PullWorkersDemo {
  /** Of the gateway. */
  url: string;
  databaseUrl: string;
  engine: EngineClient;
  screen: Screen;
  checks: Checks;
}

interface Answer {
  ok: boolean;
  message?: string;
  content?: {
    id?: number;
    worker?: { id: number; secret: string };
    task?: { id: number; recipe: string };
    updated?: boolean;
  };
}

interface Worker {
  name: string;
  headers: Record<string, string>;
  /** Tasks that it has worked at. */
  done: Set<number>;
}

const NAMES = ['ada', 'bob', 'eve'];
/** This one is wrong about some tasks. */
const WRONG = 'eve';
const TASKS = 12;
/** Milliseconds that the whole project may take. */
const PATIENCE = 30_000;
/** Milliseconds between two questions of a worker that got nothing. */
const IDLE = 100;

/** The task_tracker API: three workers pull the tasks of a project, of which two have to come to the same result. */
export async function pullWorkersDemo(demo: PullWorkersDemo): Promise<void> {
  const { url, databaseUrl } = demo;
  // of this run alone: nobody knows its password, and it is gone afterwards
  const username = `demo-${randomBytes(4).toString('hex')}`;
  const { cookie } = await call(url, '/register', { username, password: randomBytes(18).toString('base64url') });
  try {
    await crunch(demo, { cookie: cookie! }, username);
  } finally {
    await removeManager(databaseUrl, username);
  }
}

async function crunch({ url, engine, screen, checks }: PullWorkersDemo, manager: Record<string, string>, name: string) {
  const { content } = await call(url, '/project/create', { name, motd: 'square the number' }, manager);
  const project = content!.id!;
  const workers: Worker[] = [];
  for (const alias of NAMES) {
    const { id, secret } = (await call(url, '/worker/create', { alias })).content!.worker!;
    const headers = { 'x-worker-id': String(id), 'x-secret': secret };
    await call(url, '/project/request_access', { project, assign: true, submit: alias === NAMES[0] }, headers);
    await call(url, `/project/accept_request/${project}/${id}`, {}, manager);
    workers.push({ name: alias, headers, done: new Set() });
  }
  const requests = Array.from({ length: TASKS }, (_, n) => ({
    project,
    recipe: String(n + 2),
    max_retries: 3,
    max_assign_time: 60,
    verification_count: 2,
  }));
  await call(url, '/task/bulk_submit', { requests }, workers[0]!.headers);
  screen.line(`  POST /task/bulk_submit  ${TASKS} tasks for project ${project}, each to be verified by 2 workers`);
  const closed: string[] = [];
  const twice: number[] = [];
  let over = false;
  const work = async (worker: Worker) => {
    while (!over) {
      const { task } = (await call(url, `/task/get/${project}`, undefined, worker.headers)).content ?? {};
      if (!task) {
        await new Promise((resolve) => setTimeout(resolve, IDLE));
        continue;
      }
      if (worker.done.has(task.id)) twice.push(task.id);
      worker.done.add(task.id);
      const number = Number(task.recipe);
      const wrong = worker.name === WRONG && number % 4 === 0;
      const verification = number * number + (wrong ? 1 : 0);
      const { content: released } = await call(
        url,
        '/task/release',
        { task_id: task.id, result: 0, verification },
        worker.headers,
      );
      if (released?.updated) closed.push(`${number}² by ${worker.name}`);
      screen.draw(workers.map(({ name: each, done }) => `    ${each.padEnd(4)} ${'#'.repeat(done.size)} ${done.size}`));
      over ||= closed.length === TASKS;
    }
  };
  const working = Promise.all(workers.map(work));
  working.catch(() => (over = true));
  try {
    await engine.until('all tasks to be closed', PATIENCE, () => (over ? true : undefined));
  } finally {
    over = true;
  }
  await working;
  for (const { name: each, done } of workers) screen.line(`    ${each.padEnd(4)} worked at ${done.size} tasks`);
  const worked = workers.reduce((sum, { done }) => sum + done.size, 0);
  checks.that(
    closed.length === TASKS,
    `${closed.length} tasks closed after ${worked} results, since ${WRONG} was wrong now and then`,
  );
  checks.that(twice.length === 0, 'no worker got a task twice', `a worker got tasks twice: ${twice.join(', ')}`);
}

async function removeManager(databaseUrl: string, username: string): Promise<void> {
  const source = await createDataSource({
    url: databaseUrl,
    poolSize: 1,
    applicationName: 'task-engine demo',
  }).initialize();
  try {
    await new Database(source).stores.managers.remove(username);
  } finally {
    await source.destroy();
  }
}

/** POST with a body, else GET. */
async function call(
  url: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer & { cookie?: string }> {
  const init = body ? { method: 'POST', body: JSON.stringify(body) } : {};
  const answer = await fetch(`${url}${path}`, { ...init, headers, signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  if (!answer.ok) throw new LocalError(`${path} answered ${answer.status}: ${text}`);
  return { ...(JSON.parse(text) as Answer), cookie: answer.headers.getSetCookie()[0]?.split(';')[0] };
}
