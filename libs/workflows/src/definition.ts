import { DomainError, type JsonObject } from '@task-engine/domain';
import { digestOf } from './canonical-json';
import { PULL_STEP_QUEUE } from './handlers';
import { isSchedule } from './capture-schedule';
import type { ClientConfiguration } from './client-configuration';
import { deepFreeze } from './deep-freeze';
import { DefinitionFault, type DefinitionFile } from './definition-file';
import { explicitNeeds, type LinkedTask } from './definition-merge';
import { ExpressionError, type Scope } from './expression';
import { isObject } from './merge-deep';
import { ParameterSchema } from './parameter-schema';
import type { CallbackPlan, ResolvedDefinition, TaskPlan } from './resolved-definition';
import { nameFaults, sortTasks, taskFaults } from './task-graph';
import { renderTemplate } from './template';

/** Copies of one repeated task; a schema that lets more through is a mistake. */
const MAX_REPEAT = 1000;

const SUBMIT_NAMES = ['parameters', 'job', 'client'];

/** One checked definition as a client gets it: common, or with the client's changes laid over. */
export class Definition {
  readonly workflow: string;
  readonly version: number;
  readonly description: string;
  readonly parameters: ParameterSchema;
  readonly schedule: DefinitionFile['schedule'];
  private readonly tasks: LinkedTask[];
  /** Set when no task is repeated: all jobs then keep the same plan, and a burst of submissions computes one digest. */
  private constant?: ResolvedDefinition;

  /** Throws DefinitionFault with everything that is wrong. */
  constructor(
    private readonly file: DefinitionFile,
    readonly source: 'common' | 'client',
  ) {
    this.workflow = file.workflow;
    this.version = file.version;
    this.description = file.description ?? '';
    this.schedule = file.schedule;
    this.tasks = explicitNeeds(file.tasks);
    const faults = [...taskFaults(this.tasks), ...this.callbackFaults(), ...this.submitFaults()];
    let parameters: ParameterSchema | undefined;
    try {
      parameters = new ParameterSchema(file.parameters ?? {}, file.aliases);
      faults.push(...nameFaults(parameters.templatedDefaults(), SUBMIT_NAMES).map((text) => `parameters: ${text}`));
    } catch (error) {
      faults.push(`parameters: ${(error as Error).message}`);
    }
    if (!parameters || faults.length > 0) throw new DefinitionFault(faults);
    this.parameters = parameters;
  }

  /** Throws DomainError not_configured when a key that the definition requires is not set for the client. */
  checkRequires(client: string, configuration: ClientConfiguration): void {
    for (const key of this.file.requires ?? []) {
      let value: unknown = configuration;
      for (const part of key.split('.'))
        value = isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
      if (value === undefined || value === null) {
        throw new DomainError(
          'not_configured',
          `Not configured: ${this.workflow} for client '${client}' (set clients.${client}.${key})`,
        );
      }
    }
  }

  /** Throws DomainError with the text of the first rule that holds. */
  checkRules(scope: Scope): void {
    for (const { when, error, code } of this.file.rules ?? []) {
      if (renderTemplate(when, scope))
        throw new DomainError(code ?? 'invalid_parameter', String(renderTemplate(error, scope)));
    }
  }

  /** What a job with these completed parameters keeps. Frozen. */
  resolve(scope: Scope): ResolvedDefinition {
    if (this.tasks.some((task) => task.repeat !== undefined)) return this.plan(scope);
    return (this.constant ??= this.plan(scope));
  }

  private plan(scope: Scope): ResolvedDefinition {
    const { callbacks } = this.file;
    const plan: CallbackPlan = {
      headers: callbacks?.headers ?? {},
      verifyTls: callbacks?.verify_tls ?? true,
      ...(callbacks?.timeout === undefined ? {} : { timeout: callbacks.timeout }),
      endpoints: callbacks?.endpoints ?? [],
      task: { body: callbacks?.task?.body ?? {} },
      job: {
        body: callbacks?.job?.body ?? {},
        onFailure: callbacks?.job?.on_failure ?? {},
      },
    };
    const content = {
      workflow: this.workflow,
      version: this.version,
      source: this.source,
      tasks: expandTasks(this.tasks, scope),
      callbacks: plan,
      timeout: this.file.timeout ?? 0,
    };
    return deepFreeze({ digest: digestOf(content as unknown as JsonObject), ...content });
  }

  private callbackFaults(): string[] {
    const { callbacks } = this.file;
    const names = [...SUBMIT_NAMES, 'tasks'];
    const tasks = new Set(this.tasks.map((task) => task.name));
    return [
      ...nameFaults((callbacks?.headers ?? {}) as JsonObject, ['secrets', 'client']),
      ...nameFaults((callbacks?.task?.body ?? {}) as JsonObject, names, tasks),
      ...nameFaults((callbacks?.job?.body ?? {}) as JsonObject, names, tasks),
      ...nameFaults((callbacks?.job?.on_failure ?? {}) as JsonObject, names, tasks),
    ].map((text) => `callbacks: ${text}`);
  }

  private submitFaults(): string[] {
    const { rules = [], schedule } = this.file;
    return [
      ...rules.flatMap(({ when, error }) => nameFaults([when, error], SUBMIT_NAMES)).map((text) => `rules: ${text}`),
      ...nameFaults((schedule?.with ?? {}) as JsonObject, SUBMIT_NAMES).map((text) => `schedule: ${text}`),
      ...(schedule && !isSchedule(schedule.uses) ? [`schedule: unknown 'uses': ${schedule.uses}`] : []),
    ];
  }
}

/**
 * Writes repeated tasks out. The copies follow one another, strictly; a task that needs the repeated one needs its last
 * copy, and without any copy what the repeated one needed.
 */
function expandTasks(tasks: LinkedTask[], scope: Scope): TaskPlan[] {
  const ends = new Map<string, string[]>();
  return sortTasks(tasks).flatMap((task) => {
    const needs = task.needs.flatMap((need) => ends.get(need) ?? [need]);
    if (task.repeat === undefined) return [planOf(task, task.name, needs)];
    const copies = Array.from({ length: repetitions(task, scope) }, (_, i) =>
      String(renderTemplate(task.name, { index: i + 1 })),
    );
    ends.set(task.name, copies.length === 0 ? needs : copies.slice(-1));
    return copies.map((name, i) => ({
      ...planOf(task, name, i > 0 ? [copies[i - 1] as string] : needs),
      index: i + 1,
    }));
  });
}

function repetitions(task: LinkedTask, scope: Scope): number {
  let count: unknown;
  try {
    count = typeof task.repeat === 'string' ? renderTemplate(task.repeat, scope) : task.repeat;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
  }
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= MAX_REPEAT) return count;
  throw new DomainError(
    'invalid_parameter',
    `Invalid parameter: the number of tasks '${task.name}' must be an integer from 0 to ${MAX_REPEAT}`,
  );
}

function planOf(task: LinkedTask, name: string, needs: string[]): TaskPlan {
  return {
    name,
    uses: task.uses,
    queue: task.queue ?? (task.uses === 'pull' ? PULL_STEP_QUEUE : 'work'),
    needs,
    ...(task.when === undefined ? {} : { when: task.when }),
    with: task.with ?? {},
    ...(task.retries === undefined ? {} : { retries: task.retries }),
    timeout: task.timeout ?? 0,
    always: task.always ?? false,
  };
}
