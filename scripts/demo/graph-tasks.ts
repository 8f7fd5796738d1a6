import { LocalError } from '../local/local-error';
import type { Checks } from './checks';
import type { EngineClient } from './engine-client';
import { columns, type Screen } from './screen';

export interface GraphTasksDemo {
  /** Of the gateway. */
  url: string;
  client: { key: string };
  engine: EngineClient;
  screen: Screen;
  checks: Checks;
}

/** What the demo reads of a task. */
interface Task {
  id: string;
  name: string;
  status: string;
  retry_count: number;
  started_at: string | null;
  result: string | null;
  error: string | null;
  wait_reason?: string | null;
}

const STEPS = 5;
/** Milliseconds of one step: long enough to kill the program in the midst of its work. */
const STEP_MS = 700;
/** It is killed when it has kept this many steps. */
const KILL_AFTER = 2;
/** Milliseconds that the whole graph may take. */
const PATIENCE = 30_000;

/** Works in steps and keeps each as its checkpoint, from which its next try goes on. */
const IMPORT = `
  const { CHECKPOINT_DATA, TASK_ID, TASK_API_URL, TASK_API_TOKEN } = process.env;
  const done = CHECKPOINT_DATA ? JSON.parse(CHECKPOINT_DATA).step : 0;
  console.log("process " + process.pid + (done ? " goes on behind step " + done : " begins"));
  (async () => {
    for (let step = done + 1; step <= ${STEPS}; step += 1) {
      await new Promise((next) => setTimeout(next, ${STEP_MS}));
      const answer = await fetch(TASK_API_URL + "/tasks/" + TASK_ID + "/checkpoint", {
        method: "POST",
        headers: { authorization: "Bearer " + TASK_API_TOKEN, "content-type": "application/json" },
        body: JSON.stringify({ checkpoint_data: { step } }),
      });
      if (!answer.ok) throw new Error(await answer.text());
      console.log("step " + step);
    }
  })();
`;

/** The Task Scheduler API: a small graph, in which a task is killed in the midst of its work and goes on from its checkpoint. */
export async function graphTasksDemo({ url, client, engine, screen, checks }: GraphTasksDemo): Promise<void> {
  const call = <T>(method: string, path: string, body?: object) => ask<T>(url, client.key, method, path, body);
  const create = async (name: string, command: string, needs: Task[], more: object = {}) => {
    const dependencies = needs.map(({ id }) => id);
    return call<Task>('POST', '/tasks', { name, command, dependencies, ...more });
  };
  const node = `'${process.execPath}'`;
  const fetched = await create('fetch', 'sleep 0.3; echo fetched', []);
  const imported = await create('import', `exec ${node} -e '${IMPORT}'`, [fetched], { checkpoint_enabled: true });
  const checked = await create('check', 'sleep 0.2; echo "nothing missing"', [fetched], { priority: 10 });
  const published = await create('publish', 'echo "published by $TASK_ID"', [imported, checked]);
  const names = [fetched, imported, checked, published];
  screen.line(`  POST /api/tasks  fetch -> import and check -> publish, as ${names.map(({ id }) => id).join(', ')}`);
  const look = async () => {
    const tasks = await Promise.all(names.map(({ id }) => call<Task>('GET', `/tasks/${id}`)));
    screen.draw(columns(tasks.map(({ name, status, wait_reason: reason }) => [`    ${name}`, status, reason ?? ''])));
    return tasks;
  };

  const lines = async () =>
    (await call<{ message: string }[]>('GET', `/tasks/${imported.id}/logs`)).map(({ message }) => message);
  const pid = await engine.until(`step ${KILL_AFTER} of the import`, PATIENCE, async () => {
    await look();
    const log = await lines();
    return log.includes(`step ${KILL_AFTER}`) ? Number(/^process (\d+)/m.exec(log.join('\n'))?.[1]) : undefined;
  });
  process.kill(pid, 'SIGKILL');
  screen.line(`  kill -9 ${pid}, the import's process, behind step ${KILL_AFTER}`);
  const tasks = await engine.until('the graph to be done', PATIENCE, async () => {
    const seen = await look();
    return seen.every(({ status }) => ['completed', 'failed', 'cancelled'].includes(status)) ? seen : undefined;
  });
  for (const { name, status, result, error } of tasks)
    screen.line(`    ${name.padEnd(8)} ${status}: ${(result ?? error ?? '').split('\n').at(-1)}`);
  const log = await lines();
  const steps = log.flatMap((message) => /^step (\d+)$/.exec(message)?.[1] ?? []).map(Number);
  checks.that(
    tasks.every(({ status }) => status === 'completed'),
    'every task of the graph completed',
    `the tasks ended as ${tasks.map(({ name, status }) => `${name} ${status}`).join(', ')}`,
  );
  checks.that(
    tasks[1]!.retry_count === 1 && steps.join() === Array.from({ length: STEPS }, (_, n) => n + 1).join(),
    `the killed import was tried again and went on from its checkpoint: each of its ${STEPS} steps was done once`,
    `the import was tried again ${tasks[1]!.retry_count} times, its steps were ${steps.join(', ')}`,
  );
}

async function ask<T>(url: string, key: string, method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${url}/api${path}`, {
    method,
    headers: { authorization: `ApiKey ${key}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new LocalError(`${method} /api${path} answered ${answer.status}: ${text}`);
  return (JSON.parse(text) as { data: T }).data;
}
