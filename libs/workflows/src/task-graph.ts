import type { Expression } from './expression';
import type { LinkedTask } from './definition-merge';
import { EXECUTOR_NAMES } from './handlers';
import { expressionsOf } from './template';
import type { Json } from '@task-engine/domain';

/** First names that a task's templates may use. */
const TASK_NAMES = ['parameters', 'job', 'client', 'tasks', 'work_dir'];

/** Keys of `with` where `secrets` may be used. */
export const SECRET_KEYS: readonly string[] = ['headers', 'env'];

/** Everything that is wrong with a list of tasks, one line each; empty when it can run. */
export function taskFaults(tasks: LinkedTask[]): string[] {
  const names = tasks.map((task) => task.name);
  const faults = names
    .filter((name, index) => names.indexOf(name) !== index)
    .map((name) => `tasks.${name}: two tasks have this name`);
  const byName = new Map(tasks.map((task) => [task.name, task]));
  for (const task of tasks) {
    const fault = (text: string): void => void faults.push(`tasks.${task.name}: ${text}`);
    if (!EXECUTOR_NAMES.includes(task.uses)) fault(`unknown 'uses': ${task.uses}`);
    if ((task.repeat === undefined) === task.name.includes('${'))
      fault('a repeated task, and no other, has ${index} in its name');
    for (const need of task.needs) {
      const needed = byName.get(need);
      if (!needed) fault(`needs unknown task '${need}'`);
      else if (needed.always && !task.always) fault(`needs '${need}', which runs after everything else`);
    }
  }
  if (faults.length > 0) return faults;
  if (sortTasks(tasks).length < tasks.length) return ['tasks: needs form a circle'];
  return tasks.flatMap((task) => templateFaults(task, tasks).map((text) => `tasks.${task.name}: ${text}`));
}

/** Topological order that keeps the order of the file where it may. Tasks in a circle are missing from the result. */
export function sortTasks<T extends { name: string; needs: string[]; always?: boolean }>(tasks: T[]): T[] {
  const sorted: T[] = [];
  const placed = new Set<string>();
  const rest = [...tasks.filter((task) => !task.always), ...tasks.filter((task) => task.always)];
  for (;;) {
    const next = rest.findIndex((task) => task.needs.every((need) => placed.has(need)));
    const task = next < 0 ? undefined : rest.splice(next, 1)[0];
    if (!task) return sorted;
    sorted.push(task);
    placed.add(task.name);
  }
}

/** Faults of templates: syntax, unknown names, names of tasks that need not be done before. */
export function nameFaults(value: Json | undefined, allowed: readonly string[], tasks?: ReadonlySet<string>): string[] {
  let expressions: Expression[];
  try {
    expressions = expressionsOf(value);
  } catch (error) {
    return [(error as Error).message];
  }
  return expressions.flatMap((expression) => [
    ...[...expression.names]
      .filter((name) => !allowed.includes(name))
      .map((name) => `unknown name '${name}' in '${expression.source}'`),
    ...[...expression.tasks]
      .filter((name) => !tasks?.has(name))
      .map((name) => `'${expression.source}' reads task '${name}', which is not upstream`),
  ]);
}

function templateFaults(task: LinkedTask, tasks: LinkedTask[]): string[] {
  const before = task.always
    ? new Set(tasks.filter((other) => !other.always).map((other) => other.name))
    : upstream(task, tasks);
  const names = task.repeat === undefined ? TASK_NAMES : [...TASK_NAMES, 'index'];
  const faults = [...nameFaults(task.when, names, before), ...nameFaults(task.repeat, ['parameters'])];
  if (typeof task.when === 'string' && !task.when.includes('${')) faults.push("'when' must be a template or a boolean");
  for (const [key, value] of Object.entries(task.with ?? {})) {
    faults.push(...nameFaults(value, SECRET_KEYS.includes(key) ? [...names, 'secrets'] : names, before));
  }
  return faults;
}

function upstream(task: LinkedTask, tasks: LinkedTask[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    tasks.find((other) => other.name === name)?.needs.forEach(visit);
  };
  task.needs.forEach(visit);
  return found;
}
