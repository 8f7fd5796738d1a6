import type { OpenAPIObject } from '@nestjs/swagger';
import { DEFAULT_LIMIT, MAX_LIMIT } from '@task-engine/dto';
import { SUBMIT_FAULT } from '../errors';
import { examples } from './examples';
import { orderFields } from './schemas';

type Paths = OpenAPIObject['paths'];
type Operation = NonNullable<Paths[string]['get']>;
type Security = NonNullable<Operation['security']>;

/** Both ways of naming oneself: with the name in a header, or in the body beside the key. */
const secured: Security = [{ apiKey: [], client: [] }];
/** Open unless REQUIRE_AUTH_FOR_READS is set. */
const open: Security = [{}, { apiKey: [], client: [] }];

const json = (schema: string, example: unknown) => ({
  'application/json': { schema: { $ref: `#/components/schemas/${schema}` }, example },
});

const answer = (description: string, schema: string, example: unknown) => ({
  description,
  content: json(schema, example),
});
const list = (description: string, schema: string, example: unknown) => ({
  description,
  content: {
    'application/json': { schema: { type: 'array', items: { $ref: `#/components/schemas/${schema}` } }, example },
  },
});
const body = (schema: string, example: unknown) => ({ required: true, content: json(schema, example) });

const badRequest = answer(
  'Something in the request is wrong; the text names it. Nothing was written.',
  'Error',
  examples.error,
);
const badJobRequest = answer(
  'Something in the request is wrong; the text names it. Nothing was written.',
  'JobError',
  examples.jobError,
);
const TOO_LARGE = 'The body is larger than BODY_LIMIT_BYTES.';
const tooLarge = answer(TOO_LARGE, 'Error', {
  error: 'The request body is larger than 1048576 bytes',
});
const unauthorised = answer('Client or key is missing or wrong.', 'Unauthorised', examples.unauthorised);
const fault = answer('A fault of the engine.', 'Error', { error: 'Internal error' });
const unavailable = {
  ...answer('PostgreSQL is not available at present.', 'Error', { error: 'The database is not available at present' }),
  headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
};
const faults = { 500: fault, 503: unavailable } as const;

const jobId = {
  name: 'id',
  in: 'path' as const,
  required: true,
  description: 'Job id.',
  schema: { type: 'integer', format: 'int64', minimum: 1 },
};

const query = (name: string, description: string, schema: object) => ({
  name,
  in: 'query' as const,
  description,
  schema,
});
const flag = { type: 'string', enum: ['0', '1', 'false', 'true'] };
const bound = { type: 'string', example: '2020-09-24T11:55:33.755Z' };
const size = { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT };

const update = (operationId: string, summary: string): Operation => ({
  operationId,
  tags: ['Jobs'],
  summary,
  description:
    'Pause (`paused`), break (`broken`) or resume (`queued`) a job, change when it runs, its priority or its semaphore. A future run_at sends a queued ' +
    'job back to scheduled; a past one means now. A finished job can only be broken or kept (`persist`).',
  security: secured,
  parameters: [jobId],
  requestBody: body('Update', examples.update),
  responses: {
    200: answer('The names of the changes, in the order of the body.', 'JobResult', examples.updated),
    400: badJobRequest,
    401: unauthorised,
    413: tooLarge,
    500: answer('A fault of the engine.', 'JobError', { id: '123', error: 'Internal error' }),
    503: unavailable,
  },
});

/** Every route of the dialect. */
export const paths: Paths = {
  '/': {
    get: {
      operationId: 'alive',
      tags: ['Status'],
      summary: 'Is the engine reachable?',
      security: [],
      responses: { 200: answer('It is.', 'Alive', examples.alive) },
    },
  },
  '/health': {
    get: {
      operationId: 'health',
      tags: ['Status'],
      summary: 'Databases, queues, tasks and jobs in numbers',
      security: secured,
      responses: {
        200: answer('The numbers; of one moment.', 'Health', examples.health),
        401: unauthorised,
        500: answer('PostgreSQL cannot be read.', 'Error', { error: 'The database is not available at present' }),
      },
    },
  },
  '/dashboard': {
    get: {
      operationId: 'dashboard',
      tags: ['Status'],
      summary: 'Jobs that run or wait',
      security: open,
      parameters: [
        { name: 'client', in: 'header', description: 'Only this client’s jobs.', schema: { type: 'string' } },
        query('client', 'The same; the header wins.', { type: 'string' }),
      ],
      responses: {
        200: answer('The lists.', 'Dashboard', examples.dashboard),
        400: badRequest,
        401: unauthorised,
        ...faults,
      },
    },
  },
  '/job': {
    post: {
      operationId: 'submitJob',
      tags: ['Jobs'],
      summary: 'Submit a job',
      description:
        'The answer goes out once the job is stored. Without a future run_at or a semaphore_url it starts as soon as a slot is free.',
      security: secured,
      parameters: [
        {
          name: 'Idempotency-Key',
          in: 'header',
          description:
            'Makes it safe to send the request again after an answer that did not come: the same key with the same body gets the id of the ' +
            'first, for 24 hours at least. A refused submission leaves its key unused. Keys are per client; quotes around one do not count.',
          schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]+$' },
          example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
        },
      ],
      requestBody: body('Submission', examples.submission),
      responses: {
        200: answer('Stored.', 'JobResult', examples.accepted),
        400: answer('Refused; the id is the refusal’s own, no job has it.', 'JobError', examples.jobError),
        401: unauthorised,
        422: answer('The Idempotency-Key was used for another request.', 'JobError', {
          id: '125',
          error: 'This Idempotency-Key was used for another request',
        }),
        413: answer(TOO_LARGE, 'JobError', { id: '124', error: 'The request body is larger than 1048576 bytes' }),
        500: {
          description: 'A fault of the engine.',
          content: { 'text/plain': { schema: { type: 'string' }, example: SUBMIT_FAULT } },
        },
        503: {
          description: 'PostgreSQL is not available at present.',
          headers: unavailable.headers,
          content: { 'text/plain': { schema: { type: 'string' }, example: SUBMIT_FAULT } },
        },
      },
    },
  },
  '/job/{id}': { put: update('updateJobOldEdition', 'Change a job (route of the 2020 edition)') },
  '/jobs': {
    get: {
      operationId: 'listJobs',
      tags: ['Jobs'],
      summary: 'Find jobs',
      description: 'Without parameters the last 10 jobs, newest first. Empty parameters count as not given.',
      security: open,
      parameters: [
        query('limit', 'Jobs at most.', size),
        query('items', 'The same in the 2020 edition; `limit` wins.', size),
        query('order_by', 'Property to order by; ties go by id.', { type: 'string', enum: orderFields, default: 'id' }),
        query('asc', '1 for ascending order.', { ...flag, default: '0' }),
        query('state', '0 queued, 1 started, 2 completed, 3 pending, 4 broken, 5 scheduled, 6 paused.', {
          type: 'integer',
          minimum: 0,
          maximum: 6,
        }),
        query('from', 'Created at or after: a day or a UTC time.', bound),
        query('to', 'Created at or before: a day (all of it) or a UTC time.', bound),
        query(
          'failed',
          '1: failed jobs, alone or with state 2; 0: others. State 2 without it leaves failed jobs out.',
          flag,
        ),
        query('search', 'Text anywhere in the parameters, whatever its case.', { type: 'string', maxLength: 1000 }),
        query('job_ids', 'Ids, separated by commas; raises the default limit to their number.', {
          type: 'string',
          example: '123,124',
        }),
        query('client', 'Jobs of this client.', { type: 'string' }),
        query('persist', '1: jobs that are kept; 0: others.', flag),
      ],
      responses: { 200: list('The jobs.', 'JobRow', examples.jobs), 400: badRequest, 401: unauthorised, ...faults },
    },
  },
  '/jobs/{id}': {
    get: {
      operationId: 'findJob',
      tags: ['Jobs'],
      summary: 'One job',
      security: open,
      parameters: [jobId, query('explain', '1 adds `wait_reason`: why a job that waits does so.', flag)],
      responses: { 200: answer('The job.', 'Job', examples.job), 400: badRequest, 401: unauthorised, ...faults },
    },
    put: update('updateJob', 'Change a job'),
    patch: update('patchJob', 'Change a job (method of later editions)'),
  },
  '/jobs/{id}/rerun': {
    post: {
      operationId: 'rerunJob',
      tags: ['Jobs'],
      summary: 'Run a job again',
      description:
        'A new job with the same parameters; the original becomes broken, since what it made is no longer valid.',
      security: secured,
      parameters: [jobId],
      responses: {
        200: answer('The id of the new job.', 'JobResult', examples.accepted),
        400: badRequest,
        401: unauthorised,
        413: tooLarge,
        ...faults,
      },
    },
  },
  '/push_jobs': {
    post: {
      operationId: 'pushJobs',
      tags: ['Jobs'],
      summary: 'Let queued jobs take the free slots',
      description: 'For settings that were changed in the database. Passes no limit.',
      security: secured,
      responses: {
        200: answer('Done.', 'Ok', examples.ok),
        400: answer('There is a body and it is malformed.', 'Error', { error: 'Malformed JSON in the request body' }),
        401: unauthorised,
        413: tooLarge,
        ...faults,
      },
    },
  },
  '/logs/{id}': {
    get: {
      operationId: 'jobLog',
      tags: ['Logs'],
      summary: 'Log of a job',
      security: open,
      parameters: [jobId, query('show_all', '1 shows hidden rows too.', flag)],
      responses: {
        200: list('Oldest row first.', 'LogRow', examples.logs),
        400: badRequest,
        401: unauthorised,
        ...faults,
      },
    },
  },
  '/schedules': {
    get: {
      operationId: 'schedules',
      tags: ['Scheduler'],
      summary: 'Active schedules',
      security: secured,
      responses: { 200: answer('By name.', 'Schedules', examples.schedules), 401: unauthorised, ...faults },
    },
  },
  '/scheduler': {
    put: {
      operationId: 'switchSchedule',
      tags: ['Scheduler'],
      summary: 'Switch a schedule on or off',
      security: secured,
      requestBody: body('ScheduleSwitch', examples.switch),
      responses: {
        200: answer('The active ones.', 'ScheduleNames', examples.switched),
        400: badRequest,
        401: unauthorised,
        413: tooLarge,
        ...faults,
      },
    },
  },
  '/settings': {
    post: {
      operationId: 'changeSetting',
      tags: ['Settings'],
      summary: 'Create or change one setting',
      description:
        'max_jobs (default 2) jobs at one time; priority_slots (0) of them for jobs of priority 1 to priority_threshold (5); schedule_interval (60) seconds ' +
        'between scheduler runs; retry_delay (5) seconds before a failed task is tried again, retry_limit (3) times. In force at once.',
      security: secured,
      requestBody: body('Setting', examples.setting),
      responses: {
        200: answer('Done.', 'SettingResult', examples.settingChanged),
        400: badRequest,
        401: unauthorised,
        413: tooLarge,
        ...faults,
      },
    },
  },
};
