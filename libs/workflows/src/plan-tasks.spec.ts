import { TaskFailure, type JsonObject, type TaskState } from '@task-engine/domain';
import { planTasks, renderArguments, type Plan, type TaskSnapshot } from './plan-tasks';
import type { ResolvedDefinition, TaskPlan } from './resolved-definition';
import type { JobContext } from './scope';

const job: JobContext = {
  id: '7',
  priority: 5,
  runAt: '2030-01-01T12:00:00.000Z',
  createdAt: '2030-01-01T11:00:00.000Z',
  client: 'demo',
  clientConfiguration: {
    default_storage: 'local',
    storage: {},
    secrets: { token: 's3cret' },
    headers: { 'X-A': 'h' },
    callbacks: { list_segments: true },
  },
  parameters: { on: true, off: false, text: '${parameters.on}', list: [1] },
  workDir: '/folder/7',
};

const task = (name: string, needs: string[] = [], more: Partial<TaskPlan> = {}): TaskPlan => ({
  name,
  needs,
  uses: 'builtin:noop',
  queue: 'work',
  with: {},
  timeout: 0,
  always: false,
  ...more,
});
const definition = (...tasks: TaskPlan[]): ResolvedDefinition => ({
  digest: 'd',
  workflow: 'w',
  version: 1,
  source: 'common',
  tasks,
  timeout: 0,
  callbacks: { headers: {}, verifyTls: true, endpoints: [], task: { body: {} }, job: { body: {}, onFailure: {} } },
});
/** States by task, in the form `a: 'completed'`; what is not named waits. */
const plan = (
  tasks: TaskPlan[],
  states: Record<string, TaskState> = {},
  outputs: Record<string, JsonObject> = {},
): Plan =>
  planTasks(
    definition(...tasks),
    tasks.map(({ name }): TaskSnapshot => {
      const state = states[name] ?? 'waiting';
      return { name, state, output: outputs[name] ?? null, error: state === 'failed' ? `${name} went wrong` : null };
    }),
    job,
  );

const NOTHING: Plan = { start: [], skip: [], fail: [], outcome: null };
const chain = [task('a'), task('b', ['a']), task('c', ['b'])];
const diamond = [task('a'), task('b', ['a']), task('c', ['a']), task('d', ['b', 'c'])];
const tidy = task('tidy', [], { always: true });

describe('the plan of a job', () => {
  it('runs a chain one by one', () => {
    expect(plan(chain)).toEqual({ ...NOTHING, start: ['a'] });
    expect(plan(chain, { a: 'queued' })).toEqual(NOTHING);
    expect(plan(chain, { a: 'started' })).toEqual(NOTHING);
    expect(plan(chain, { a: 'completed' })).toEqual({ ...NOTHING, start: ['b'] });
    expect(plan(chain, { a: 'completed', b: 'completed', c: 'completed' })).toEqual({
      ...NOTHING,
      outcome: { state: 'completed' },
    });
  });

  it('runs tasks side by side and waits for all that a task needs', () => {
    expect(plan(diamond, { a: 'completed' }).start).toEqual(['b', 'c']);
    expect(plan(diamond, { a: 'completed', b: 'completed', c: 'started' })).toEqual(NOTHING);
    expect(plan(diamond, { a: 'completed', b: 'completed', c: 'completed' }).start).toEqual(['d']);
  });

  it('a false when skips the task, counts as done, and what follows starts in the same call', () => {
    const tasks = [
      task('a', [], { when: '${parameters.off}' }),
      task('b', ['a'], { when: false }),
      task('c', ['b']),
      task('d', ['c']),
    ];
    expect(plan(tasks)).toEqual({ ...NOTHING, skip: ['a', 'b'], start: ['c'] });
    expect(plan(tasks.slice(0, 2))).toEqual({ ...NOTHING, skip: ['a', 'b'], outcome: { state: 'completed' } });
  });

  it('when sees outputs of earlier tasks; a skipped one has none', () => {
    const tasks = [
      task('a'),
      task('s', [], { when: false }),
      task('b', ['a', 's'], { when: '${tasks.a.output.go && tasks.s.output == null}' }),
    ];
    expect(plan(tasks, { a: 'completed', s: 'skipped' }, { a: { go: true } }).start).toEqual(['b']);
    expect(plan(tasks, { a: 'completed', s: 'skipped' }, { a: { go: false } }).skip).toEqual(['b']);
  });

  it('after a failure nothing new starts, running tasks finish, and the job fails with the first error', () => {
    expect(plan(diamond, { a: 'completed', b: 'failed', c: 'started' })).toEqual({ ...NOTHING, skip: ['d'] });
    const settled: Plan = { ...NOTHING, outcome: { state: 'failed', error: 'b went wrong', task: 'b' } };
    expect(plan(diamond, { a: 'completed', b: 'failed', c: 'completed', d: 'skipped' })).toEqual(settled);
    expect(plan(diamond, { a: 'completed', b: 'failed', c: 'failed', d: 'skipped' })).toEqual(settled);
    expect(plan(chain, { a: 'failed' })).toEqual({
      ...NOTHING,
      skip: ['b', 'c'],
      outcome: { state: 'failed', error: 'a went wrong', task: 'a' },
    });
  });

  it('independent tasks that wait do not start beside a failed one', () => {
    expect(plan([task('a'), task('b', ['a']), task('c')], { a: 'failed' }).start).toEqual([]);
  });

  it('always tasks run once everything else is settled, after a failure too', () => {
    const tasks = [...chain, tidy];
    expect(plan(tasks, { a: 'completed', b: 'started' })).toEqual(NOTHING);
    expect(plan(tasks, { a: 'completed', b: 'completed', c: 'completed' })).toEqual({ ...NOTHING, start: ['tidy'] });
    expect(plan(tasks, { a: 'failed' })).toEqual({ ...NOTHING, skip: ['b', 'c'], start: ['tidy'] });
    expect(plan(tasks, { a: 'failed', b: 'skipped', c: 'skipped', tidy: 'started' })).toEqual(NOTHING);
    expect(plan(tasks, { a: 'failed', b: 'skipped', c: 'skipped', tidy: 'completed' }).outcome).toEqual({
      state: 'failed',
      error: 'a went wrong',
      task: 'a',
    });
    expect(plan(tasks, { a: 'completed', b: 'completed', c: 'completed', tidy: 'failed' }).outcome).toEqual({
      state: 'failed',
      error: 'tidy went wrong',
      task: 'tidy',
    });
  });

  it('a when that cannot be computed fails the task, and nothing chosen beside it starts', () => {
    const broken = [task('a'), task('b', [], { when: '${size(parameters.on)}' }), task('c', ['a']), tidy];
    expect(plan(broken)).toEqual({
      start: ['tidy'],
      skip: ['a', 'c'],
      outcome: null,
      fail: [{ name: 'b', error: 'Template cannot be computed: size needs a list, an object or a string' }],
    });
    expect(plan(broken.slice(0, 3)).outcome).toMatchObject({ state: 'failed', task: 'b' });
  });

  it('asks for nothing twice: applying a plan and planning again finds nothing to do', () => {
    const first = plan(diamond, { a: 'completed' });
    const states = Object.fromEntries(first.start.map((name) => [name, 'queued' as const]));
    expect(plan(diamond, { a: 'completed', ...states })).toEqual(NOTHING);
  });

  it('refuses snapshots that do not belong to the definition', () => {
    expect(() => planTasks(definition(...chain), [], job)).toThrow("Job 7 has no task 'a'");
  });
});

describe('the arguments of a task', () => {
  const render = (values: JsonObject, more: Partial<TaskPlan> = {}): JsonObject =>
    renderArguments(
      task('t', [], { with: values, ...more }),
      [{ name: 'a', state: 'completed', output: { file: 'x' }, error: null }],
      job,
    );

  it('are rendered from parameters, job, client, outputs, work folder and index', () => {
    expect(
      render(
        {
          on: '${parameters.on}',
          list: ['${parameters.list[0]}'],
          job: '${job.id}/${job.priority}',
          who: '${client.name}',
          kind: '${client.default_storage}',
          flag: '${client.config.callbacks.list_segments}',
          file: '${work_dir}/${tasks.a.output.file}',
          index: '${index}',
        },
        { index: 3 },
      ),
    ).toEqual({
      on: true,
      list: [1],
      job: '7/5',
      who: 'demo',
      kind: 'local',
      flag: true,
      file: '/folder/7/x',
      index: 3,
    });
  });

  it('submitted templates stay text', () => {
    expect(render({ text: '${parameters.text}', both: '-${parameters.text}-' })).toEqual({
      text: '${parameters.on}',
      both: '-${parameters.on}-',
    });
  });

  it('hold secrets in headers and env only', () => {
    expect(render({ headers: { A: 'Bearer ${secrets.token}' }, env: { T: '${secrets.token}' } })).toEqual({
      headers: { A: 'Bearer s3cret' },
      env: { T: 's3cret' },
    });
    expect(() => render({ url: '${secrets.token}' })).toThrow("unknown name 'secrets'");
    expect(render({ a: '${client.config.secrets}', b: '${client.config.headers}' })).toEqual({ a: null, b: null });
  });

  it('fail the task for good when a template cannot be computed', () => {
    try {
      render({ x: '${nowhere.x}' });
      throw new Error('rendered');
    } catch (error) {
      expect(error).toBeInstanceOf(TaskFailure);
      expect(error).toMatchObject({ retryable: false, message: "Template cannot be computed: unknown name 'nowhere'" });
    }
  });
});
