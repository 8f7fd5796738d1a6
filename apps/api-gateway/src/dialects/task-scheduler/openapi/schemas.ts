import type { OpenAPIObject } from '@nestjs/swagger';
import { GRAPH_STATUSES, METRIC_PERIODS, WEBHOOK_EVENTS } from '@task-engine/engine';
import { REFUSAL_CODES } from '../http/refusal';
import { METRIC_NAMES } from '../system/system.presenter';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
type Schema = Schemas[string];

const text: Schema = { type: 'string' };
const count: Schema = { type: 'integer', minimum: 0 };
const flag: Schema = { type: 'boolean' };
const time: Schema = { type: 'string', format: 'date-time', description: 'UTC, whole seconds.' };
const share: Schema = { type: 'number', minimum: 0 };
const taskId: Schema = { type: 'string', pattern: '^task-[1-9]\\d*$' };
const workerId: Schema = { type: 'string', pattern: '^worker-[0-9a-f-]{36}$' };
const status: Schema = { type: 'string', enum: [...GRAPH_STATUSES] };
const health: Schema = { type: 'string', enum: ['healthy', 'degraded', 'unhealthy'] };
const event: Schema = { type: 'string', enum: [...WEBHOOK_EVENTS] };

const orNull = (schema: Schema): Schema => ({ oneOf: [schema, { type: 'null' }] });
const listOf = (items: Schema): Schema => ({ type: 'array', items });

/** An object of an answer: every property is there, but for those that are named. */
function shape(properties: Schemas, optional: string[] = []): Schema {
  return { type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties };
}

/** An object of a request; what it does not know is ignored. */
function request(properties: Schemas, required: string[] = []): Schema {
  return { type: 'object', required, properties };
}

const name: Schema = { type: 'string', minLength: 1, maxLength: 255 };
const priority: Schema = { type: 'integer', minimum: 1, maximum: 10, description: '10 runs first.' };
const maxRetries: Schema = { type: 'integer', minimum: 0, maximum: 100 };
const timeoutSeconds: Schema = { type: 'integer', minimum: 1, maximum: 31_536_000 };

/** What may be said of a task when it is made and later. */
const taskFields: Schemas = {
  name,
  description: orNull({ type: 'string', maxLength: 10_000 }),
  priority: { ...priority, default: 5 },
  max_retries: { ...maxRetries, default: 3 },
  scheduled_at: orNull({
    type: 'string',
    description: 'ISO 8601, from 1970 to 9999; UTC without a zone. It starts then or later.',
  }),
  timeout_seconds: { ...timeoutSeconds, default: 3_600 },
  tags: { ...listOf({ type: 'string', minLength: 1, maxLength: 100 }), maxItems: 50 },
  dependencies: {
    ...listOf(taskId),
    maxItems: 10_000,
    description: 'Tasks that have to be completed before it starts.',
  },
  worker_tags: {
    ...listOf({ type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' }),
    maxItems: 20,
    description: 'Only workers that have all of these tags run it. Ours.',
  },
};

const point = shape({ timestamp: time, value: { type: 'number' } });

/** Shapes of bodies and answers, each under the name by which the paths refer to it. */
export const schemas: Schemas = {
  Error: shape({
    error: shape(
      {
        code: { type: 'string', enum: [...REFUSAL_CODES] },
        message: text,
        details: { type: 'object', description: 'Fields or parameters that are wrong, or the state that it is in.' },
      },
      ['details'],
    ),
  }),
  PageMeta: shape({
    page: { type: 'integer', minimum: 1 },
    limit: { type: 'integer', minimum: 1, maximum: 100 },
    total: count,
    pages: count,
  }),
  Task: shape(
    {
      id: taskId,
      name,
      description: orNull(text),
      command: text,
      status,
      priority,
      retry_count: { ...count, description: 'Further tries: after failed ones, after lost workers, by hand.' },
      max_retries: maxRetries,
      created_at: time,
      updated_at: time,
      scheduled_at: orNull(time),
      started_at: orNull(time),
      completed_at: orNull(time),
      timeout_seconds: timeoutSeconds,
      tags: listOf(text),
      dependencies: listOf(taskId),
      worker_id: orNull(workerId),
      result: orNull({ type: 'string', description: 'What the command wrote to stdout, its end.' }),
      error: orNull(text),
      checkpoint_data: orNull({ type: 'object' }),
      worker_tags: { ...listOf(text), description: 'Of a task that has some. Ours.' },
    },
    ['worker_tags'],
  ),
  WaitingTask: {
    allOf: [{ $ref: '#/components/schemas/Task' }],
    properties: {
      wait_reason: {
        type: 'string',
        enum: ['RunAt', 'Dependency', 'LaneFull', 'ClientCap', 'LanePaused', 'NoWorker', 'Backoff'],
        description: 'Why a pending task waits. Ours.',
      },
      blocked_by: {
        ...listOf(shape({ id: taskId, status: { type: 'string', enum: [...GRAPH_STATUSES, 'deleted'] } })),
        description: 'Tasks that it waits for. Ours.',
      } as Schema,
    },
  },
  CreatedTask: {
    allOf: [{ $ref: '#/components/schemas/Task' }],
    required: ['checkpoint_enabled'],
    properties: { checkpoint_enabled: flag },
  },
  NewTask: request(
    {
      ...taskFields,
      command: { type: 'string', minLength: 1, description: 'For `/bin/sh -c`; up to 64 KiB.' },
      checkpoint_enabled: { ...flag, default: false },
    },
    ['name', 'command'],
  ),
  TaskUpdate: {
    ...request(
      Object.fromEntries(Object.entries(taskFields).map(([field, schema]) => [field, withoutDefault(schema)])),
    ),
    description: 'Fields that are missing stay as they are. command, status and checkpoint_enabled cannot be changed.',
  },
  Deleted: shape({ success: { const: true } as Schema, message: text }),
  CancelledTask: shape({ id: taskId, status, updated_at: time }),
  RetriedTask: shape({ id: taskId, status, retry_count: count, updated_at: time }),
  LogLine: shape({
    timestamp: time,
    level: { type: 'string', enum: ['debug', 'info', 'warn', 'error'] },
    message: text,
  }),
  LogMeta: shape({ limit: { type: 'integer', minimum: 1, maximum: 1_000 }, offset: count, total: count }),
  Checkpoint: request(
    { checkpoint_data: { type: 'object', description: 'Up to 64 KiB as JSON; replaces what was there.' } },
    ['checkpoint_data'],
  ),
  StoredCheckpoint: shape({ id: taskId, checkpoint_data: { type: 'object' }, updated_at: time }),
  Worker: shape({
    id: workerId,
    hostname: text,
    status: { type: 'string', enum: ['active', 'idle', 'offline'] },
    tasks_completed: count,
    tasks_failed: count,
    current_tasks: count,
    last_heartbeat: time,
    registered_at: time,
    version: text,
    tags: listOf(text),
  }),
  WorkerDetails: {
    allOf: [{ $ref: '#/components/schemas/Worker' }],
    required: ['current_task_ids', 'resources'],
    properties: {
      current_task_ids: listOf(taskId),
      resources: shape({
        cpu_usage: orNull(share),
        memory_usage: orNull(share),
        disk_usage: orNull(share),
      }),
    },
  },
  TaskOfWorker: shape({ id: taskId, name, status, started_at: orNull(time), priority }),
  SystemStatus: shape({
    status: health,
    version: text,
    uptime: { ...count, description: 'Seconds since the process that answers was started.' },
    components: shape({
      api_server: shape({ status: health, instance_count: count }),
      scheduler: shape({ status: health, leader_id: orNull(text), instance_count: count }),
      workers: shape({ status: health, active_count: count, idle_count: count, offline_count: count }),
      database: shape({ status: health, connection_count: count }),
      redis: shape({ status: health, memory_usage: share }),
    }),
    task_stats: shape({ pending: count, running: count, completed_today: count, failed_today: count }),
    queue_depths: shape({ high_priority: count, normal_priority: count, low_priority: count }),
  }),
  Metrics: {
    type: 'object',
    description: 'The metrics that were asked for, oldest point first.',
    properties: Object.fromEntries(METRIC_NAMES.map((metric) => [metric, listOf(point)])),
  },
  MetricsMeta: shape({ period: { type: 'string', enum: [...METRIC_PERIODS] }, start_time: time, end_time: time }),
  NewWebhook: request(
    {
      url: {
        type: 'string',
        format: 'uri',
        maxLength: 2_048,
        description: 'http or https, no name and password in it.',
      },
      events: { ...listOf(event), minItems: 1 },
      secret: orNull({
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description: 'Signs what is sent: X-Webhook-Signature, and the headers of Standard Webhooks. Shown to nobody.',
      }),
    },
    ['url', 'events'],
  ),
  Webhook: shape({
    id: { type: 'string', pattern: '^webhook-[1-9]\\d*$' },
    url: text,
    events: listOf(event),
    created_at: time,
  }),
  Delivery: shape({
    id: { type: 'string', pattern: '^delivery-[1-9]\\d*$' },
    message_id: { ...text, description: 'Header webhook-id, the same on every try.' },
    event,
    status: { type: 'string', enum: ['pending', 'sending', 'delivered', 'exhausted', 'gone', 'blocked'] },
    attempts: count,
    next_attempt_at: orNull(time),
    last_status: orNull({ type: 'integer' }),
    last_error: orNull(text),
    created_at: time,
    finished_at: orNull(time),
  }),
  ReplayedDelivery: shape({ id: text, status: { const: 'pending' } as Schema }),
  WebhookPayload: shape(
    {
      event,
      timestamp: time,
      task: shape({
        id: taskId,
        name,
        status,
        result: orNull(text),
        started_at: orNull(time),
        completed_at: orNull(time),
      }),
      worker: { type: 'object', description: 'Of worker.registered and worker.offline, instead of `task`.' },
    },
    ['task', 'worker'],
  ),
};

function withoutDefault(schema: Schema): Schema {
  const { default: _default, ...rest } = schema as { default?: unknown };
  return rest;
}
