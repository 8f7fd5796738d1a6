import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { BOOTSTRAP, TaskSchedulerClient } from './task-scheduler-client';

const SLOTS = 3;

let suite: TestSuite;
let api: TaskSchedulerClient;

beforeAll(async () => {
  suite = await startSuite({
    env: { BOOTSTRAP_CLIENTS: BOOTSTRAP, SHELL_CONCURRENCY: String(SLOTS), CANARY_OF_THE_SUITE: 'canary-in-the-suite' },
  });
  api = new TaskSchedulerClient(suite.url);
}, 120_000);

afterAll(() => suite.stop());

/** One that is dead and waits to be reaped is not alive. */
function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** What a task has logged so far. */
async function lines(id: string): Promise<[string, string][]> {
  const { body } = await api.get(`/tasks/${id}/logs`);
  return (body.data as { level: string; message: string }[]).map(({ level, message }) => [level, message]);
}

/** The numbers that a command has written, once there are `count`. */
async function pidsOf(id: string, count: number): Promise<number[]> {
  return eventually(async () => {
    const pids = (await lines(id)).map(([, message]) => message).filter((message) => /^\d+$/.test(message));
    expect(pids).toHaveLength(count);
    return pids.map(Number);
  });
}

describe('the command of a task', () => {
  it('is logged in order, the engine says nothing else, and leaves nothing on the disk', async () => {
    const id = await api.create({ command: 'echo one; sleep 0.3; echo two >&2; sleep 0.3; echo three; touch left' });
    expect(await api.reaches(id, 'completed')).toMatchObject({ result: 'one\nthree', error: null });
    expect(await lines(id)).toEqual([
      ['info', 'Task started execution'],
      ['info', 'one'],
      ['error', 'two'],
      ['info', 'three'],
    ]);
    await eventually(() => expect(readdirSync(join(suite.dataDir, 'work'))).toEqual([]));
  });

  it('may open its outputs by name', async () => {
    const id = await api.create({ command: 'echo wrong > /dev/stderr; echo right | tee /dev/stdout', max_retries: 0 });
    expect(await api.reaches(id, 'completed')).toMatchObject({ result: 'right\nright' });
    expect(await lines(id)).toContainEqual(['error', 'wrong']);
  });

  it('sees the way to its task and nothing of the suite: no setting, no key, no address of a database', async () => {
    const id = await api.create({ command: 'env | sort; tr "\\0" "\\n" < /proc/self/environ' });
    const { result } = await api.reaches(id, 'completed');
    expect(result).toContain(`TASK_ID=${id}\n`);
    expect(result).toContain(`TASK_API_URL=${suite.url}/api\n`);
    expect(result).toContain('PATH=');
    expect(result).not.toMatch(/CANARY|DATABASE|REDIS|JWT|BOOTSTRAP|demo-key|DATA_DIR|TASK_API_TOKEN/);
  });

  it('comes to the shell as it was given: no template in it is filled in, nothing of the task is spliced into it', async () => {
    const name = '$(touch /tmp/never); `touch /tmp/never`; "\'${parameters.command}';
    const command = `printf '%s\\n' '\${parameters.name}' "$TASK_NAME" 'it'"'"'s' '\${{x}}'`;
    const { result } = await api.reaches(await api.create({ name, command }), 'completed');
    expect(result).toBe("${parameters.name}\n\nit's\n${{x}}");
  });

  it('that is cancelled ends with all that it has started', async () => {
    const id = await api.create({ command: `(sleep 300 & echo $!; wait) & echo $!; setsid sleep 300 & echo $!; wait` });
    const pids = await pidsOf(id, 3);
    expect(pids.every(alive)).toBe(true);
    await api.post(`/tasks/${id}/cancel`);
    expect((await api.task(id)).status).toBe('cancelled');
    await eventually(() => expect(pids.filter(alive)).toEqual([]), { timeout: 12_000 });
  });

  it('that is cancelled may do its last things, in its folder', async () => {
    const last = `sleep 1; echo kept > state; cat state; exit`;
    const id = await api.create({ command: `trap '${last}' TERM; echo up; while :; do sleep 0.1; done` });
    await eventually(async () => expect(await lines(id)).toContainEqual(['info', 'up']));
    await api.post(`/tasks/${id}/cancel`);
    await eventually(async () => expect((await lines(id)).at(-1)).toEqual(['info', 'kept']));
  });

  it('that takes longer than it may is ended and failed, and tried again as one that fails', async () => {
    const id = await api.create({ command: 'echo $$; sleep 300', timeout_seconds: 1, max_retries: 1 });
    const task = await api.reaches(id, 'failed', 30_000);
    expect(task).toMatchObject({ error: 'not done within 1 s', retry_count: 1 });
    expect((await pidsOf(id, 2)).filter(alive)).toEqual([]);
  });

  it('runs beside no more of its kind in one process than that has slots', async () => {
    const command = 'date +%s.%N; sleep 0.4; date +%s.%N';
    const ids = await Promise.all(Array.from({ length: 12 }, () => api.create({ command })));
    const tasks = await Promise.all(ids.map((id) => api.reaches(id, 'completed', 30_000)));
    const spans = tasks.map(({ result }) => (result as string).split('\n').map(Number) as [number, number]);
    const beside = spans.map(([begun]) => spans.filter(([from, to]) => from <= begun && to > begun).length);
    expect(Math.max(...beside)).toBe(SLOTS);
  });

  it('ends with its worker when that is killed, and runs again', async () => {
    const id = await api.create({ command: 'setsid sleep 300 & echo $!; echo $$; sleep 2', max_retries: 0 });
    const pids = await pidsOf(id, 2);
    expect(pids.every(alive)).toBe(true);
    // what workers before have left, and one that cannot be removed: its paths are longer than the system takes
    const work = join(suite.dataDir, 'work');
    const left = Array.from({ length: 20 }, (_, n) => join(work, `${900_000_000 + n}.1`));
    for (const folder of left) mkdirSync(join(folder, 'a'), { recursive: true });
    const name = 'x'.repeat(200);
    const deep = `i=0; while [ $i -lt 30 ]; do mkdir ${name} && cd -P ${name}; i=$((i+1)); done`;
    execFileSync('sh', ['-c', deep], { cwd: left[10] });
    await suite.suite.kill('task-worker');
    await eventually(() => expect(pids.filter(alive)).toEqual([]));
    await eventually(() => expect(left.filter((folder) => existsSync(folder))).toEqual([left[10]]));
    execFileSync('rm', ['-rf', left[10]!]);
    // lost with its worker: no try of the task's own
    const task = await api.reaches(id, 'completed', 60_000);
    expect(task.retry_count).toBe(1);
  }, 90_000);
});
