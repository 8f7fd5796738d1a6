import type { OpenAPIObject } from '@nestjs/swagger';
import { WAIT_REASONS } from '@task-engine/domain';
import { ORDER_FIELDS, REQUESTED_STATES } from '@task-engine/dto';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
type Schema = Schemas[string];

const timestamp: Schema = { type: 'string', format: 'date-time', description: 'UTC, with milliseconds and Z.' };
const count: Schema = { type: 'integer', minimum: 0 };
const parameters: Schema = {
  type: 'object',
  additionalProperties: true,
  description: 'The parameters as submitted; values under secret-looking names are masked.',
};
const submittedTime: Schema = {
  type: 'string',
  description: 'UTC, `yyyy-MM-ddTHH:mm:ss.fff`; milliseconds and a final Z may be left out or given.',
  example: '2020-09-09T14:30:00.000',
};
const semaphore: Schema = {
  oneOf: [{ type: 'string', format: 'uri' }, { type: 'null' }],
  description: 'http(s) URL; the job waits until a GET of it answers 2xx or 3xx. Null in an update takes it away.',
};
const priority: Schema = {
  oneOf: [
    { type: 'integer', minimum: 1, maximum: 10 },
    { type: 'string', pattern: '^\\d+$' },
  ],
  description: '1 runs first, 10 last; 5 when not given.',
};
const flag: Schema = {
  oneOf: [
    { type: 'boolean' },
    { type: 'integer', enum: [0, 1] },
    { type: 'string', enum: ['true', 'false', '0', '1'] },
  ],
};
const tenant: Schema = {
  type: 'string',
  description: 'Client name; has to agree with the header `client` when both are there.',
};

const queueState: Schema = {
  type: 'string',
  enum: ['queued', 'started', 'completed', 'pending', 'broken', 'scheduled', 'paused'],
};

const summary: Schemas = {
  id: { type: 'integer', format: 'int64', example: 123 },
  client: { type: 'string', example: 'demo-client' },
  workflow: { type: 'string', example: 'vodcapture' },
  priority: { type: 'integer', minimum: 1, maximum: 10, example: 5 },
  position: { type: 'integer', example: 1 },
  created_at: timestamp,
  updated_at: timestamp,
  queue_state: queueState,
  failed: { type: 'boolean', description: 'A failed job is `completed` with this set.' },
  run_at: timestamp,
};

const queue: Schema = {
  type: 'object',
  required: ['workers', 'working', 'pending'],
  properties: { workers: count, working: count, pending: count },
};

const jobStates = [
  'completed',
  'failed',
  'pending',
  'broken',
  'queued',
  'started',
  'scheduled',
  'paused',
  'max_jobs',
  'priority_slots',
];

const rows = (description: string): Schema => ({
  type: 'array',
  description,
  items: { $ref: '#/components/schemas/JobSummary' },
});

/** Names that GET /jobs takes for order_by. */
export const orderFields = [...ORDER_FIELDS];

/** Shapes of the documents, each under the name by which the paths refer to it. */
export const schemas: Schemas = {
  Alive: { type: 'object', required: ['result'], properties: { result: { type: 'string', enum: ['alive'] } } },
  Health: {
    type: 'object',
    required: ['version', 'databases', 'queues', 'tasks', 'jobs'],
    properties: {
      version: { type: 'string' },
      databases: {
        type: 'object',
        required: ['redis', 'postgres'],
        properties: {
          redis: { type: 'string', description: '`OK`, or what is wrong.' },
          postgres: { type: 'string', description: '`OK`.' },
        },
      },
      queues: {
        type: 'object',
        required: ['windows_capture', 'scheduler', 'work', 'controller', 'callback'],
        properties: { windows_capture: queue, scheduler: queue, work: queue, controller: queue, callback: queue },
        additionalProperties: queue,
      },
      tasks: {
        type: 'object',
        required: ['failed', 'pending', 'processed'],
        properties: { failed: count, pending: { ...count, description: 'Sum of the queues.' }, processed: count },
      },
      jobs: {
        type: 'object',
        required: jobStates,
        properties: Object.fromEntries(jobStates.map((name) => [name, count])),
      },
    },
  },
  JobSummary: { type: 'object', required: Object.keys(summary), properties: summary },
  JobRow: { type: 'object', required: [...Object.keys(summary), 'parameters'], properties: { ...summary, parameters } },
  Job: {
    type: 'object',
    required: [...Object.keys(summary), 'top_of_queue', 'parameters'],
    properties: {
      ...summary,
      top_of_queue: { type: 'boolean' },
      parameters,
      wait_reason: {
        type: 'string',
        nullable: true,
        enum: [...WAIT_REASONS, null],
        description: 'With explain=1 only.',
      },
    },
  },
  Dashboard: {
    type: 'object',
    required: ['max_jobs', 'priority_slots', 'started', 'queued', 'scheduled', 'version'],
    properties: {
      max_jobs: count,
      priority_slots: count,
      started: rows('By id.'),
      queued: rows('In the order in which they will start.'),
      scheduled: rows('By run_at.'),
      version: { type: 'string' },
    },
  },
  Submission: {
    type: 'object',
    required: ['job'],
    properties: {
      client: tenant,
      job: {
        type: 'object',
        required: ['workflow'],
        properties: {
          workflow: { type: 'string' },
          priority,
          run_at: submittedTime,
          semaphore_url: semaphore,
          persist: { ...flag, description: 'Keep the job beyond the retention period.' },
        },
      },
      parameters: {
        type: 'object',
        additionalProperties: true,
        description:
          'What the workflow takes; see the schemas named Workflow_*. Every workflow takes rest_endpoints and custom_data.',
      },
    },
  },
  Update: {
    type: 'object',
    description: 'At least one of the fields beside client. All changes are made, or none.',
    properties: {
      client: tenant,
      queue_state: { type: 'string', enum: [...REQUESTED_STATES] },
      run_at: submittedTime,
      priority,
      semaphore_url: semaphore,
      sempahore_url: { ...semaphore, description: 'The same under the published spelling.' },
      persist: flag,
    },
  },
  JobResult: {
    type: 'object',
    required: ['id', 'result'],
    properties: { id: { type: 'string', example: '123' }, result: { type: 'string', example: 'accepted' } },
  },
  JobError: {
    type: 'object',
    required: ['id', 'error'],
    properties: { id: { type: 'string', example: '123' }, error: { type: 'string' } },
  },
  LogRow: {
    type: 'object',
    required: [
      'id',
      'job_id',
      'severity',
      'severity_description',
      'progname',
      'message',
      'created_at',
      'updated_at',
      'task_id',
      'visible',
    ],
    properties: {
      id: { type: 'integer', format: 'int64' },
      job_id: { type: 'integer', format: 'int64' },
      severity: { type: 'integer', minimum: 0, maximum: 5 },
      severity_description: { type: 'string', enum: ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'UNKNOWN'] },
      progname: { type: 'string', enum: ['api', 'worker', 'controller', 'callback'] },
      message: { type: 'string' },
      created_at: timestamp,
      updated_at: timestamp,
      task_id: { type: 'integer', format: 'int64', description: '0 when the row is not about a task.' },
      visible: { type: 'boolean' },
    },
  },
  Schedules: {
    type: 'object',
    required: ['result', 'schedules'],
    properties: {
      result: { type: 'string', enum: ['ok'] },
      schedules: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          required: ['class', 'every', 'queue', 'description'],
          properties: {
            class: { type: 'string' },
            every: {
              type: 'array',
              minItems: 2,
              maxItems: 2,
              items: {},
              description: 'Seconds, then options: `[60, {"first_in": 5}]`.',
            },
            queue: { type: 'string' },
            description: { type: 'string' },
          },
        },
      },
    },
  },
  ScheduleSwitch: {
    type: 'object',
    required: ['schedule', 'active'],
    properties: { client: tenant, schedule: { type: 'string' }, active: flag },
  },
  ScheduleNames: {
    type: 'object',
    required: ['result', 'schedules'],
    properties: {
      result: { type: 'string', enum: ['ok'] },
      schedules: {
        type: 'array',
        description: 'Names of the schedules that are active now.',
        items: { type: 'string' },
      },
    },
  },
  Setting: {
    type: 'object',
    required: ['name', 'setting'],
    properties: {
      client: tenant,
      name: {
        type: 'string',
        minLength: 1,
        maxLength: 200,
        description:
          'max_jobs, priority_slots, priority_threshold, schedule_interval, retry_delay, retry_limit, or a name of your own.',
      },
      setting: { oneOf: [{ type: 'string', maxLength: 10_000 }, { type: 'number' }, { type: 'boolean' }] },
    },
  },
  SettingResult: {
    type: 'object',
    required: ['result', 'message'],
    properties: { result: { type: 'string', enum: ['ok'] }, message: { type: 'string' } },
  },
  Ok: { type: 'object', required: ['result'], properties: { result: { type: 'string', enum: ['ok'] } } },
  Error: { type: 'object', required: ['error'], properties: { error: { type: 'string' } } },
  Unauthorised: {
    type: 'object',
    required: ['result'],
    properties: { result: { type: 'string', enum: ['Unauthorised request.'] } },
  },
};
