import type { JsonObject } from '@task-engine/domain';
import {
  DefinitionFault,
  readDefinition,
  type DefinitionFile,
  type OverrideFile,
  type TaskFile,
} from './definition-file';
import { mergeDeep } from './merge-deep';

/** A task whose `needs` are written out. */
export type LinkedTask = TaskFile & { needs: string[] };

type TaskOverride = NonNullable<OverrideFile['tasks']>[number];

/**
 * Writes the default of `needs` out: the task above. An `always` task waits for everything else anyway, so it has none,
 * and the task after one follows the last task that is not.
 */
export function explicitNeeds(tasks: TaskFile[]): LinkedTask[] {
  let above: string | undefined;
  return tasks.map((task) => {
    const needs = task.needs ?? (above === undefined || task.always ? [] : [above]);
    if (!task.always) above = task.name;
    return { ...task, needs };
  });
}

/**
 * Lays a client's file over the common definition: maps merge deeply, scalars and lists replace, tasks merge by name,
 * `requires` only grows. Throws DefinitionFault.
 */
export function mergeDefinition(common: DefinitionFile, own: OverrideFile): DefinitionFile {
  const { tasks: ownTasks = [], requires = [], extends: _extends, ...changes } = own;
  const { tasks, ...base } = common;
  const merged = mergeDeep(base, changes);
  return readDefinition({
    ...merged,
    workflow: common.workflow,
    requires: [...new Set([...(common.requires ?? []), ...requires])],
    tasks: mergeTasks(explicitNeeds(tasks), ownTasks),
  });
}

function mergeTasks(common: LinkedTask[], own: TaskOverride[]): JsonObject[] {
  let tasks = common as unknown as (JsonObject & LinkedTask)[];
  for (const { remove, after, ...change } of own) {
    const present = tasks.find((task) => task.name === change.name);
    if (present && after !== undefined)
      throw new DefinitionFault([`tasks.${change.name}: 'after' is for new tasks, use 'needs'`]);
    if (remove) {
      if (!present) throw new DefinitionFault([`tasks.${change.name}: no such task to remove`]);
      tasks = replaceNeed(
        tasks.filter((task) => task !== present),
        present.name,
        present.needs,
      );
    } else if (present) {
      tasks = tasks.map((task) => (task === present ? (mergeDeep(task, change as JsonObject) as typeof task) : task));
    } else {
      tasks = addTask(tasks, change, after);
    }
  }
  return tasks;
}

function addTask(
  tasks: (JsonObject & LinkedTask)[],
  task: Omit<TaskOverride, 'after' | 'remove'>,
  after?: string,
): (JsonObject & LinkedTask)[] {
  const fault = (text: string): never => {
    throw new DefinitionFault([`tasks.${task.name}: ${text}`]);
  };
  if (after === undefined) {
    if (!task.needs && !task.always) fault("a new task needs 'after' or 'needs'");
    return [...tasks, { needs: [], ...task } as unknown as JsonObject & LinkedTask];
  }
  const at = tasks.findIndex((other) => other.name === after);
  if (at < 0) fault(`after: no task '${after}'`);
  const added = { ...task, needs: task.needs ?? [after] } as unknown as JsonObject & LinkedTask;
  const moved = replaceNeed(tasks, after, [task.name]);
  return [...moved.slice(0, at + 1), added, ...moved.slice(at + 1)];
}

function replaceNeed<T extends LinkedTask>(tasks: T[], need: string, by: string[]): T[] {
  return tasks.map((task) =>
    task.needs.includes(need)
      ? { ...task, needs: [...new Set(task.needs.flatMap((name) => (name === need ? by : [name])))] }
      : task,
  );
}
