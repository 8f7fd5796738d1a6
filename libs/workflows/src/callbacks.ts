import type { Json, JsonObject } from '@task-engine/domain';
import type { ClientConfiguration } from './client-configuration';
import { ExpressionError, type Scope } from './expression';
import { scopeFor, type TaskSnapshot } from './plan-tasks';
import type { ResolvedDefinition } from './resolved-definition';
import type { JobContext } from './scope';
import { renderTemplate } from './template';

/** What a callback tells about. */
export interface CallbackSubject {
  definition: ResolvedDefinition;
  job: JobContext;
  tasks: TaskSnapshot[];
  /** When the event happened. */
  time: Date;
}

export type TaskEvent = 'start' | 'complete' | 'fail';

/** Fields by which receivers tell what a callback is about; a definition can neither remove nor change them. */
const FIXED = new Set(['job_id', 'status', 'event']);

/** Body of a task callback (1.5 of the workflow reference). `message` is the error of a `fail`, else empty. Ids are strings. */
export function taskCallback(
  subject: CallbackSubject & { task: { id: string; name: string }; event: TaskEvent; message?: string },
): JsonObject {
  const { definition, job, task, event, time } = subject;
  const body: JsonObject = {
    job_id: job.id,
    task_id: task.id,
    task_name: task.name,
    workflow: definition.workflow,
    event,
    content_id: job.parameters.content_id ?? null,
    message: event === 'fail' ? (subject.message ?? '') : '',
    time: time.toISOString(),
    client: job.client,
  };
  return withFields(body, definition.callbacks.task.body, subject);
}

/**
 * Body of a job callback (1.5 of the workflow reference). A failed job has the error as `message`, an empty `files`, and no other
 * field of a success.
 */
export function jobCallback(
  subject: CallbackSubject & { outcome: { state: 'completed' } | { state: 'failed'; error: string } },
): JsonObject {
  const { definition, job, outcome, time } = subject;
  const { body: fields, onFailure } = definition.callbacks.job;
  const body: JsonObject = {
    job_id: job.id,
    status: outcome.state,
    workflow: definition.workflow,
    content_id: job.parameters.content_id ?? null,
    custom_data: job.parameters.custom_data ?? null,
    time: time.toISOString(),
    client: job.client,
  };
  if (outcome.state === 'completed') return withFields(body, fields, subject);
  body.message = outcome.error;
  body.files = [];
  return withFields(body, onFailure, subject);
}

/** Where a job's callbacks go: `rest_endpoints`, then those of the definition, each once. */
export function callbackEndpoints(definition: ResolvedDefinition, parameters: JsonObject): string[] {
  const submitted = Array.isArray(parameters.rest_endpoints) ? parameters.rest_endpoints : [];
  return [...new Set([...submitted, ...definition.callbacks.endpoints])].filter(
    (url): url is string => typeof url === 'string',
  );
}

/**
 * Extra headers of a job's callbacks: the client's, then the definition's. Values may be secrets: call it when sending,
 * neither store nor log the result. A header whose template or characters are bad is left out.
 */
export function callbackHeaders(
  definition: ResolvedDefinition,
  configuration: ClientConfiguration,
): Record<string, string> {
  const headers = new Map<string, string>(Object.entries(configuration.headers ?? {}));
  const { secrets = {}, headers: _headers, ...config } = configuration;
  const scope: Scope = {
    secrets,
    client: { default_storage: configuration.default_storage, config: config as JsonObject },
  };
  for (const [name, template] of Object.entries(definition.callbacks.headers)) {
    const value = rendered(template, scope);
    if (typeof value === 'string') headers.set(name, value);
  }
  return Object.fromEntries([...headers].filter(([, value]) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value)));
}

function withFields(body: JsonObject, fields: JsonObject, subject: CallbackSubject): JsonObject {
  const scope = scopeFor(subject.job, subject.tasks);
  const complete = new Map(Object.entries(body));
  for (const [name, template] of Object.entries(fields)) {
    if (FIXED.has(name)) continue;
    if (template === null) complete.delete(name);
    else complete.set(name, rendered(template, scope));
  }
  return Object.fromEntries(complete);
}

/** A field that cannot be computed is null: a slip in a callback body must not stop the transition it reports. */
function rendered(template: Json, scope: Scope): Json {
  try {
    return renderTemplate(template, scope);
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}
