import { TaskFailure, type JsonObject, type TaskState } from '@task-engine/domain';
import { ExpressionError, type Scope } from './expression';
import type { ResolvedDefinition, TaskPlan } from './resolved-definition';
import { jobScope, type JobContext } from './scope';
import { SECRET_KEYS } from './task-graph';
import { renderTemplate } from './template';

/** A task as it stands in the database. */
export interface TaskSnapshot {
  name: string;
  state: TaskState;
  output: JsonObject | null;
  error: string | null;
}

/** What to do with a job's tasks now. */
export interface Plan {
  /** Waiting tasks to queue, in order. */
  start: string[];
  /** Waiting tasks that will not run: `when` is false, or another task failed. */
  skip: string[];
  /** Waiting tasks that fail without running: their `when` cannot be computed. */
  fail: { name: string; error: string }[];
  /** Set once every task is settled, `skip` and `fail` applied. The error is the one of the first failed task in plan order. */
  outcome: null | { state: 'completed' } | { state: 'failed'; error: string; task: string };
}

const SETTLED: ReadonlySet<TaskState> = new Set<TaskState>(['completed', 'failed', 'skipped']);

/**
 * Decides what comes next, all consequences included: a skipped task lets its dependants start in the same call. After a
 * failure nothing new starts but `always` tasks, and these once everything else is settled; running tasks finish first.
 * A pure function of the stored states, so a repeated call with the same input changes nothing. Throws Error when the
 * snapshots lack a task of the definition.
 */
export function planTasks(definition: ResolvedDefinition, tasks: TaskSnapshot[], job: JobContext): Plan {
  const now = new Map(tasks.map((task) => [task.name, { ...task }]));
  const plan: Plan = { start: [], skip: [], fail: [], outcome: null };
  const at = (name: string): TaskSnapshot => {
    const task = now.get(name);
    if (!task) throw new Error(`Job ${job.id} has no task '${name}'`);
    return task;
  };
  const settled = (task: TaskPlan): boolean => SETTLED.has(at(task.name).state);
  let computed: Scope | undefined;
  const scope = () => (computed ??= scopeFor(job, tasks));
  const usual = definition.tasks.filter((task) => !task.always);
  const always = definition.tasks.filter((task) => task.always);

  let failed = usual.some((task) => at(task.name).state === 'failed');

  const decide = (task: TaskPlan): void => {
    const state = at(task.name);
    try {
      if (runs(task, scope)) {
        plan.start.push(task.name);
        state.state = 'queued';
      } else {
        plan.skip.push(task.name);
        state.state = 'skipped';
      }
    } catch (error) {
      const message = failureText(error);
      plan.fail.push({ name: task.name, error: message });
      Object.assign(state, { state: 'failed', error: message });
      failed = true;
    }
  };
  // Plan order is topological: what a decision makes possible stands further down.
  for (const task of usual) {
    if (failed) break;
    if (at(task.name).state === 'waiting' && task.needs.every((need) => SETTLED.has(at(need).state))) decide(task);
  }
  if (failed) {
    // Nothing that was just chosen has started yet, so it need not.
    for (const name of plan.start.splice(0)) at(name).state = 'waiting';
    for (const task of usual) {
      const state = at(task.name);
      if (state.state !== 'waiting') continue;
      plan.skip.push(task.name);
      state.state = 'skipped';
    }
  }
  if (usual.every(settled)) {
    for (const task of always) {
      const ready = task.needs.every((need) => SETTLED.has(at(need).state));
      if (at(task.name).state === 'waiting' && ready) decide(task);
    }
  }
  if (definition.tasks.every(settled)) {
    const first = definition.tasks.find((task) => at(task.name).state === 'failed');
    plan.outcome = first
      ? { state: 'failed', error: at(first.name).error ?? '', task: first.name }
      : { state: 'completed' };
  }
  return plan;
}

/**
 * The arguments of a task about to run. Call it right before the execution, in the process that runs it: `headers` and
 * `env` then hold secrets, so the result is neither stored nor logged. Throws TaskFailure (final) on a template that cannot be computed.
 */
export function renderArguments(task: TaskPlan, tasks: TaskSnapshot[], job: JobContext): JsonObject {
  const scope = withIndex(scopeFor(job, tasks), task);
  const secrets = { ...scope, secrets: job.clientConfiguration.secrets ?? {} };
  try {
    return Object.fromEntries(
      Object.entries(task.with).map(([key, value]) => [
        key,
        renderTemplate(value, SECRET_KEYS.includes(key) ? secrets : scope),
      ]),
    );
  } catch (error) {
    throw new TaskFailure(failureText(error), { retryable: false, cause: error });
  }
}

/** Names for templates of a job whose tasks stand as given: `tasks.<name>.output` is null until the task has completed. */
export function scopeFor(job: JobContext, tasks: TaskSnapshot[]): Scope {
  return { ...jobScope(job), tasks: Object.fromEntries(tasks.map((task) => [task.name, { output: task.output }])) };
}

function runs(task: TaskPlan, scope: () => Scope): boolean {
  if (task.when === undefined) return true;
  return typeof task.when === 'boolean' ? task.when : Boolean(renderTemplate(task.when, withIndex(scope(), task)));
}

function withIndex(scope: Scope, task: TaskPlan): Scope {
  return task.index === undefined ? scope : { ...scope, index: task.index };
}

function failureText(error: unknown): string {
  if (!(error instanceof ExpressionError)) throw error;
  return `Template cannot be computed: ${error.message}`;
}
