import { DomainError, type Json, type JsonObject } from '@task-engine/domain';
import { runSchedule } from './capture-schedule';
import type { ClientConfiguration, ClientConfigurations } from './client-configuration';
import type { Definition } from './definition';
import type { Definitions } from './definitions';
import { ExpressionError, type Scope } from './expression';
import { parseHttpUrl, parsePriority } from './formats';
import { parseInstant } from './media-time';
import { isObject } from './merge-deep';
import type { ResolvedDefinition } from './resolved-definition';
import { jobScope } from './scope';
import { refuseHostileShape, refuseUnstorableText } from './submitted-json';
import { renderObject } from './template';

/** A job as a caller submits it: values of any type. `null` and undefined mean not given. */
export interface Submission {
  client: string;
  workflow: unknown;
  parameters: unknown;
  priority?: unknown;
  runAt?: unknown;
  semaphoreUrl?: unknown;
  now: Date;
}

export interface PreparedSubmission {
  definition: ResolvedDefinition;
  /** A copy completed with defaults; what was submitted stays as it was. */
  parameters: JsonObject;
  /** 1 (first) to 10. */
  priority: number;
  /** null = at once. */
  runAt: Date | null;
  semaphoreUrl: string | null;
  /** Lines for the job log, severity WARN. */
  warnings: string[];
}

export const DEFAULT_PRIORITY = 5;

/**
 * Checks a submission and completes it, in the order of section 1.1 of the workflow reference. Reads no clock and writes
 * nothing. Throws DomainError (unknown_workflow, invalid_parameter, not_supported, not_configured) with the text for the caller.
 */
export function prepareSubmission(
  definitions: Definitions,
  clients: ClientConfigurations,
  submission: Submission,
): PreparedSubmission {
  const { client, now } = submission;
  const definition = definitions.resolve(workflowName(submission.workflow), client);
  const configuration = clients.for(client);
  const priority = given(submission.priority) ? parsePriority(submission.priority) : DEFAULT_PRIORITY;
  const runAt = given(submission.runAt) ? parseInstant(submission.runAt, 'job.run_at') : null;
  const semaphoreUrl = given(submission.semaphoreUrl)
    ? parseHttpUrl(submission.semaphoreUrl, 'job.semaphore_url')
    : null;
  const scopeOf = (parameters: JsonObject): Scope =>
    jobScope({
      priority,
      runAt: (runAt ?? now).toISOString(),
      createdAt: now.toISOString(),
      client,
      clientConfiguration: configuration,
      parameters,
    });
  return computing(() => {
    const { parameters, warnings } = definition.parameters.complete(
      submittedParameters(submission.parameters),
      scopeOf,
    );
    refuseUnstorableText(parameters);
    const scope = scopeOf(parameters);
    definition.checkRules(scope);
    definition.checkRequires(client, configuration);
    checkStorage(definition, parameters, client, configuration);
    const earliest = scheduled(definition, scope, runAt, now);
    return {
      definition: definition.resolve(scope),
      parameters,
      priority,
      runAt: earliest && earliest > now ? earliest : null,
      semaphoreUrl,
      warnings,
    };
  });
}

function given(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function workflowName(workflow: unknown): string {
  if (workflow === undefined || workflow === null || workflow === '') {
    throw new DomainError('invalid_parameter', 'Missing required parameter: job.workflow');
  }
  if (typeof workflow !== 'string')
    throw new DomainError('invalid_parameter', 'Invalid parameter: job.workflow must be a string');
  return workflow;
}

function submittedParameters(parameters: unknown): JsonObject {
  if (parameters === undefined) return {};
  if (!isObject(parameters))
    throw new DomainError('invalid_parameter', 'Invalid parameter: parameters must be an object');
  refuseHostileShape(parameters);
  return parameters;
}

/** A definition's expression that cannot take what was submitted is a refusal, not a fault of the server. */
function computing<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (error instanceof ExpressionError)
      throw new DomainError(
        'invalid_parameter',
        `Invalid parameter: parameters must suit the workflow: ${error.message}`,
      );
    throw error;
  }
}

function scheduled(definition: Definition, scope: Scope, runAt: Date | null, now: Date): Date | null {
  const { schedule } = definition;
  return schedule ? runSchedule(schedule.uses, renderObject(schedule.with ?? {}, scope), runAt, now) : runAt;
}

/** Every storage kind that the workflow names must be set up for the client, with the roots that are named. */
function checkStorage(
  definition: Definition,
  parameters: JsonObject,
  client: string,
  configuration: ClientConfiguration,
): void {
  const kinds = ['source_storage', 'destination_storage']
    .filter((name) => definition.parameters.has(name))
    .map((name) => parameters[name]);
  for (const kind of new Set(kinds)) {
    const storage = own(configuration.storage, kind);
    if (!isObject(storage)) refuse(`${String(kind)} storage`, `clients.${client}.storage.${String(kind)}`, client);
    for (const name of ['input_root', 'output_root']) {
      const root = parameters[name] as string;
      if (root !== 'base' && typeof own(storage, root) === 'string') continue;
      refuse(`storage root '${root}'`, `clients.${client}.storage.${String(kind)}.${root}`, client);
    }
  }
}

function refuse(feature: string, key: string, client: string): never {
  throw new DomainError('not_configured', `Not configured: ${feature} for client '${client}' (set ${key})`);
}

function own(value: unknown, key: Json | undefined): unknown {
  return isObject(value) && typeof key === 'string' && Object.hasOwn(value, key) ? value[key] : undefined;
}
