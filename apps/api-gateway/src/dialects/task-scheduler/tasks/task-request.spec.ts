import { examples } from '../openapi/examples';
import type { Refusal } from '../http/refusal';
import { newTask, taskChanges } from './task-request';

const MINIMAL = { name: 'n', command: 'true' };

function detailsOf(read: () => unknown): unknown {
  try {
    read();
  } catch (error) {
    expect(error).toMatchObject({ code: 'validation_error', status: 422 });
    return (error as Refusal).details;
  }
  return 'accepted';
}

describe('newTask', () => {
  it("reads the document's example", () => {
    expect(newTask(examples.newTask)).toEqual({
      name: 'Example Task',
      description: 'This is an example task',
      command: "echo 'Hello World'",
      priority: 5,
      maxRetries: 3,
      scheduledAt: new Date('2023-06-15T12:00:00Z'),
      timeoutSeconds: 3600,
      tags: ['example', 'demo'],
      workerTags: [],
      dependencies: ['100', '101'],
      checkpointEnabled: true,
    });
  });

  it("has the document's defaults", () => {
    expect(newTask(MINIMAL)).toEqual({
      name: 'n',
      description: null,
      command: 'true',
      priority: 5,
      maxRetries: 3,
      scheduledAt: null,
      timeoutSeconds: 3600,
      tags: [],
      workerTags: [],
      dependencies: [],
      checkpointEnabled: false,
    });
  });

  it('takes each tag and dependency once, and ignores what it does not know', () => {
    const task = {
      ...MINIMAL,
      tags: ['a', 'a'],
      dependencies: ['task-2', 'task-1', 'task-2'],
      id: 'task-9',
      status: 7,
    };
    expect(newTask(task)).toMatchObject({ tags: ['a'], dependencies: ['2', '1'] });
  });

  it('takes times with and without a zone, and null for none', () => {
    const at = (scheduled_at: unknown) => newTask({ ...MINIMAL, scheduled_at }).scheduledAt;
    expect(at('2023-06-15T12:00:00')).toEqual(new Date('2023-06-15T12:00:00Z'));
    expect(at('2023-06-15T12:00:00.5+02:00')).toEqual(new Date('2023-06-15T10:00:00.500Z'));
    expect(at('9999-12-31T23:59:59Z')).toEqual(new Date('9999-12-31T23:59:59Z'));
    expect(at(null)).toBeNull();
  });

  it('tells everything that is wrong at once', () => {
    expect(detailsOf(() => newTask({ priority: 11, tags: 'a' }))).toEqual({
      name: 'is required',
      command: 'is required',
      priority: 'must be an integer from 1 to 10',
      tags: 'must be a list of up to 50 texts of 1 to 100 characters',
    });
  });
});

describe('each field', () => {
  const long = (length: number) => 'x'.repeat(length);
  const entries = (length: number, entry = (n: number) => `task-${n + 1}`) =>
    Array.from({ length }, (_, n) => entry(n));

  it.each<[string, unknown[]]>([
    ['name', ['x', long(255), '😀'.repeat(255)]],
    ['description', ['', null, long(10_000)]],
    ['priority', [1, 10]],
    ['max_retries', [0, 100]],
    ['scheduled_at', [null, '1970-01-01', '2023-06-15T12:00Z']],
    ['timeout_seconds', [1, 31_536_000]],
    ['tags', [[], entries(50, () => long(100))]],
    ['dependencies', [[], entries(10_000), ['task-9223372036854775807']]],
    ['worker_tags', [[], entries(20, (n) => `gpu.a_b-${n}`)]],
  ])('%s takes the largest and the smallest', (field, values) => {
    for (const value of values) {
      expect(detailsOf(() => newTask({ ...MINIMAL, [field]: value }))).toBe('accepted');
      expect(detailsOf(() => taskChanges({ [field]: value }))).toBe('accepted');
    }
  });

  it.each<[string, unknown[]]>([
    ['name', ['', ' \n', long(256), null, 5, ['x'], {}]],
    ['description', [long(10_001), 5, [], {}, true]],
    ['priority', [0, 11, -1, 1.5, '5', null, true, [5], 1e300]],
    ['max_retries', [-1, 101, 0.5, '3', null]],
    [
      'scheduled_at',
      ['', 'tomorrow', '2023-02-30T00:00:00Z', '1969-12-31T23:59:59Z', '10000-01-01T00:00:00Z', 1686830400, {}],
    ],
    ['scheduled_at', ['9999-12-31T23:59:59-01:00', '2023-06-15T25:00:00Z', '2023-06-15T12:00:00+25:00']],
    ['timeout_seconds', [0, -1, 31_536_001, 1.5, '60', null]],
    ['tags', ['a', null, {}, [''], [long(101)], [5], [null], [['a']], entries(51)]],
    [
      'dependencies',
      ['task-1', null, [1], ['1'], ['task-'], ['task-0'], ['task-01'], ['task--1'], [null], entries(10_001)],
    ],
    ['dependencies', [['task-9223372036854775808'], ['Task-1'], [' task-1'], ['worker-1']]],
    ['worker_tags', ['gpu', null, [''], [long(65)], ['a b'], ['a,b'], ['a/b'], ['é'], [5], entries(21)]],
  ])('%s is refused otherwise, by its name', (field, values) => {
    for (const value of values) {
      expect(detailsOf(() => newTask({ ...MINIMAL, [field]: value }))).toEqual({ [field]: expect.any(String) });
      expect(detailsOf(() => taskChanges({ [field]: value }))).toEqual({ [field]: expect.any(String) });
    }
  });

  it('command has up to 64 KiB', () => {
    const create = (command: unknown) => detailsOf(() => newTask({ name: 'n', command }));
    expect(create(long(65_536))).toBe('accepted');
    for (const command of ['', ' ', long(65_537), 'é'.repeat(32_769), null, ['true'], 1])
      expect(create(command)).toEqual({ command: expect.any(String) });
  });

  it('checkpoint_enabled is true or false', () => {
    const create = (checkpoint_enabled: unknown) => detailsOf(() => newTask({ ...MINIMAL, checkpoint_enabled }));
    for (const value of ['true', 1, null, {}])
      expect(create(value)).toEqual({ checkpoint_enabled: expect.any(String) });
  });
});

describe('taskChanges', () => {
  it("reads the document's example", () => {
    expect(taskChanges(examples.taskUpdate)).toEqual({
      name: 'Updated Task Name',
      description: 'Updated task description',
      priority: 8,
      maxRetries: 5,
      scheduledAt: new Date('2023-06-16T12:00:00Z'),
      timeoutSeconds: 7200,
      tags: ['updated', 'example'],
      dependencies: ['100', '101', '102'],
    });
  });

  it('holds what is given, null included, and nothing else', () => {
    expect(taskChanges({})).toEqual({});
    expect(taskChanges({ description: null, scheduled_at: null, id: 'task-1' })).toEqual({
      description: null,
      scheduledAt: null,
    });
  });

  it('refuses what cannot be changed instead of passing over it', () => {
    expect(detailsOf(() => taskChanges({ command: 'true', status: 'completed', checkpoint_enabled: true }))).toEqual({
      command: 'cannot be changed',
      status: 'cannot be changed',
      checkpoint_enabled: 'cannot be changed',
    });
  });
});
