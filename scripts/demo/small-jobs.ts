import type { Checks } from './checks';
import type { DemoServer } from './demo-server';
import type { EngineClient } from './engine-client';
import { columns, type Screen } from './screen';
import type { BorrowedSettings } from './borrowed-settings';

export interface SmallJobs {
  engine: EngineClient;
  server: DemoServer;
  screen: Screen;
  checks: Checks;
  settings: BorrowedSettings;
}

/** Milliseconds that a small job may take, its wait included. */
const PATIENCE = 30_000;

/** One slot, three jobs: the most urgent runs first, whatever the order they came in. */
export async function priorityDemo({ engine, screen, checks, settings }: SmallJobs): Promise<void> {
  await settings.set('priority_slots', 0);
  await settings.set('max_jobs', 1);
  const holder = await engine.submit({ workflow: 'sleep', parameters: { seconds: 1.5 } });
  await startOf(engine, holder);
  screen.line(`  POST /settings  max_jobs 1; while job ${holder} holds the only slot, three more come in`);
  const jobs: { id: string; priority: number }[] = [];
  for (const priority of [9, 5, 1]) {
    jobs.push({ id: await engine.submit({ workflow: 'sleep', priority, parameters: { seconds: 0.5 } }), priority });
  }
  await engine.until('the end of three short jobs', PATIENCE, async () => {
    const states = await Promise.all(jobs.map(({ id }) => engine.job(id)));
    screen.draw(
      jobs.map(({ id, priority }, index) => `    job ${id}  priority ${priority}  ${states[index]?.queue_state}`),
    );
    return states.every(({ queue_state: state }) => state === 'completed') || undefined;
  });
  const runs = await Promise.all(jobs.map(async (job) => ({ ...job, ...(await timesOf(engine, job.id)) })));
  const inOrder = runs.toSorted((one, other) => one.started - other.started);
  const first = inOrder[0]?.started ?? 0;
  screen.lines(
    columns([
      ['  job', 'priority', 'submitted', 'started'],
      ...inOrder.map(({ id, priority, started }) => [
        `  ${id}`,
        String(priority),
        ['first', 'second', 'third'][runs.findIndex((run) => run.id === id)] ?? '',
        `+${((started - first) / 1000).toFixed(1)} s`,
      ]),
    ]),
  );
  const order = inOrder.map(({ priority }) => priority).join(', ');
  checks.that(order === '1, 5, 9', `started by priority: ${order}`);
  const oneByOne = inOrder.every(({ started }, index) => started >= (inOrder[index - 1]?.ended ?? 0));
  checks.that(oneByOne, 'never two at one time');
}

/** A job that must not start before its time, and starts at it. */
export async function runAtDemo({ engine, screen, checks }: SmallJobs): Promise<void> {
  const runAt = new Date(Date.now() + 2500);
  const id = await engine.submit({ workflow: 'noop', runAt });
  const { queue_state: state } = await engine.job(id);
  screen.line(`  job ${id}  run_at ${runAt.toISOString()}, in 2.5 s: ${state}`);
  const started = await startOf(engine, id, (seconds) => screen.draw([`  ..    waits ${seconds} s`]));
  const late = started - runAt.getTime();
  const was = late < 0 ? `${-late} ms too early` : `${late} ms after its time`;
  checks.that(state === 'scheduled' && late >= 0 && late < 1000, `started ${was}`);
}

/** A job that waits until a URL says yes. */
export async function semaphoreDemo({ engine, server, screen, checks }: SmallJobs): Promise<void> {
  const id = await engine.submit({ workflow: 'noop', semaphoreUrl: server.url('/semaphore') });
  screen.line(`  job ${id}  semaphore_url answers 503`);
  await engine.until('a second question to the semaphore', PATIENCE, () => server.semaphoreAsked >= 2 || undefined);
  const { queue_state: state } = await engine.job(id);
  const asked = server.semaphoreAsked;
  server.openSemaphore();
  const opened = Date.now();
  const started = await startOf(engine, id, (seconds) => screen.draw([`  ..    answers 200 now, waits ${seconds} s`]));
  const after = ((started - opened) / 1000).toFixed(1);
  checks.that(
    state === 'scheduled' && started >= opened,
    `asked ${asked} times while ${state}; started ${after} s after the answer turned to 200`,
  );
}

/** Two tries fail, the third succeeds; the log tells. */
export async function retryDemo({ engine, screen, checks, settings }: SmallJobs): Promise<void> {
  await settings.set('retry_limit', 3);
  await settings.set('retry_delay', 1);
  const id = await engine.submit({ workflow: 'flaky', parameters: { failures: 2 } });
  screen.line(`  POST /settings  retry_delay 1; job ${id}  flaky, its first two tries fail`);
  const job = await engine.finished(id, PATIENCE);
  const rows = (await engine.log(id)).filter(({ message }) => /'flaky'/.test(message));
  const began = Date.parse(rows[0]?.created_at ?? '');
  screen.lines(
    rows.map(({ created_at, message }) => {
      return `  ${((Date.parse(created_at) - began) / 1000).toFixed(1).padStart(5)} s  ${message}`;
    }),
  );
  const tries = rows.filter(({ message }) => message.endsWith('started')).length;
  checks.that(job.queue_state === 'completed' && !job.failed && tries === 3, `completed at try ${tries}`);
}

/** When a job's first task started, in milliseconds since 1970. */
function startOf(engine: EngineClient, id: string, waiting?: (seconds: string) => void): Promise<number> {
  const asked = Date.now();
  return engine.until(`the start of job ${id}`, PATIENCE, async () => {
    waiting?.(((Date.now() - asked) / 1000).toFixed(1));
    const { started } = await timesOf(engine, id);
    return Number.isNaN(started) ? undefined : started;
  });
}

async function timesOf(engine: EngineClient, id: string): Promise<{ started: number; ended: number }> {
  const rows = await engine.log(id);
  const at = (test: RegExp) => Date.parse(rows.find(({ message }) => test.test(message))?.created_at ?? '');
  return { started: at(/^Task '.+' started$/), ended: at(/^'.+' completed successfully$/) };
}
