import type { OpenAPIObject } from '@nestjs/swagger';
import { CIRCUITS, EXECUTION_STATUSES } from '../vocabulary';
import { payloadSchema } from './payload-schema';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
type Schema = Schemas[string];

const text: Schema = { type: 'string' };
const uuid: Schema = { type: 'string', format: 'uuid' };
const url: Schema = { type: 'string', format: 'uri' };
const count: Schema = { type: 'integer', minimum: 0 };
const flag: Schema = { type: 'boolean' };
const time: Schema = {
  type: 'string',
  description: 'UTC without a time zone; six digits of fraction, or none when the second is whole.',
};

const orNull = (schema: Schema): Schema => ({ oneOf: [schema, { type: 'null' }] });
const list = (items: Schema): Schema => ({ type: 'array', items });
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** An object of which every property is there, but for those that are named. */
function shape(properties: Schemas, optional: string[] = []): Schema {
  return { type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties };
}

const link = shape({ id: text, url });
const length = shape({ length: count });
const place: Schemas = { docker_host: text, docker_port: count, container_id: text };

const webhookTry = shape(
  {
    timestamp: time,
    url,
    statusCode: count,
    body: { ...text, description: 'Of the answer; of the request when it was not taken.' },
    headers: { type: 'object', additionalProperties: text },
    error: text,
  },
  ['error'],
);

const execution: Schemas = {
  executionId: uuid,
  createdAt: time,
  requestIPAddress: orNull(text),
  startedAt: orNull(time),
  finishedAt: orNull(time),
  image: text,
  command: text,
  metadata: shape({ ...place, webhookDispatch: list(webhookTry) }, [...Object.keys(place), 'webhookDispatch']),
  status: { type: 'string', enum: EXECUTION_STATUSES },
  exitCode: orNull({ type: 'integer' }),
  log: orNull({ ...text, description: 'Standard output; null before the start.' }),
  error: orNull({ ...text, description: 'Standard error, and what else there is to say of its end.' }),
};

const webhook = shape({ url: text, headers: { type: 'object', additionalProperties: text }, retries: count });
const byEvent = (entry: Schema) =>
  shape({ succeeds: list(entry), fails: list(entry), finishes: list(entry), starts: list(entry) }, ['starts']);

const jobMetadata = shape(
  {
    additional_dns_entries: list({ type: 'array', items: text, minItems: 2, maxItems: 2 }),
    enqueued_id: uuid,
    envs: { type: 'object', additionalProperties: true, description: 'Values under secret-looking names are `***`.' },
    notify: byEvent(text),
    retries: count,
    retry_count: count,
    timeout: { ...count, description: 'Seconds.' },
    webhooks: byEvent(webhook),
    custom: { type: 'object', additionalProperties: true },
    expiration: { type: 'number', description: 'Seconds since 1970.' },
    cron: text,
    timezone: text,
    memory: { ...count, description: 'Bytes.' },
    cpus: { type: 'number' },
    maxKeptExecutions: count,
    retryOnPullFailure: flag,
  },
  ['custom', 'expiration', 'cron', 'timezone', 'memory', 'cpus', 'maxKeptExecutions', 'retryOnPullFailure'],
);

const job: Schemas = {
  image: text,
  command: text,
  createdAt: time,
  lastModifiedAt: time,
  scheduled: { ...flag, description: 'A cron rule is in force.' },
  executionCount: count,
  requestIPAddress: orNull(text),
  metadata: jobMetadata,
};

const summary: Schemas = { taskId: text, jobId: uuid, jobUrl: url, taskUrl: url };

/** Shapes of the answers, each under the name by which the paths refer to it. */
export const schemas: Schemas = {
  Error: shape({ error: text, operation: text }),
  Health: shape({
    errors: list(shape({ source: { type: 'string', enum: ['mongo', 'redis'] }, message: text })),
    mongo: { ...flag, description: 'The database, which is PostgreSQL.' },
    redis: flag,
  }),
  Status: shape({
    fastlane: shape({ executor: text, version: text }),
    hosts: list(
      shape({
        host: text,
        port: count,
        available: flag,
        blacklisted: flag,
        circuit: { type: 'string', enum: CIRCUITS },
        error: orNull(text),
      }),
    ),
    containers: shape({ running: list(shape({ host: text, port: count, id: text })) }),
    tasks: shape({ count }),
    jobs: shape({ count, scheduled: list(ref('ScheduledJob')) }),
    queues: shape({
      jobs: length,
      monitor: length,
      webhooks: length,
      notify: length,
      scheduled: shape({
        length: count,
        nextTimeStamp: orNull({ type: 'number', description: 'Seconds since 1970.' }),
        nextHumanReadableDate: orNull(time),
      }),
    }),
  }),
  ScheduledJob: shape({ ...job, nextScheduledAt: orNull(time), url, stopUrl: url, task: link }),
  Routes: list(shape({ endpoint: text, methods: text })),
  TaskPage: shape({
    items: list(shape({ taskId: text, createdAt: time, lastModifiedAt: time, jobsCount: count, url })),
    total: count,
    page: count,
    pages: count,
    perPage: count,
    hasNext: flag,
    hasPrev: flag,
    nextUrl: orNull(url),
    prevUrl: orNull(url),
  }),
  Task: shape({ taskId: text, jobs: list(shape({ id: uuid, createdAt: time, url })) }),
  Payload: payloadSchema,
  Enqueued: shape({ ...summary, queueJobId: uuid, executionId: orNull(uuid), executionUrl: orNull(url) }),
  Job: shape({
    task: link,
    job: shape({ taskId: text, ...job, executions: list(shape({ ...execution, url })) }),
  }),
  JobSummary: shape(summary),
  Execution: shape({ task: link, job: link, execution: shape(execution) }),
  StoppedExecution: shape({ task: link, job: link, execution: link }),
  Host: shape({ host: { ...text, description: '`name:port`.' } }),
};
