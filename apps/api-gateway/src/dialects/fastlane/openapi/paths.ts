import type { OpenAPIObject } from '@nestjs/swagger';
import {
  errorAnswer,
  inPath,
  inQuery,
  json,
  jsonAnswer,
  type Operation,
  operation,
  pageAnswer,
  type Responses,
  textAnswer,
} from './answers';
import { examples } from './examples';

const JOB = '/tasks/{task}/jobs/{job}/';
const EXECUTION = `${JOB}executions/{execution}/`;

const task = inPath('task', 'Name of the task; any text without a slash, encoded.');
const job = inPath('job', 'Id of the job.');
const execution = inPath('execution', 'Id of the execution.');
const page = inQuery('page', 'From 1.', { type: 'integer', minimum: 1, default: 1 });

const NO_JOB = 'Task (test-wrkng) or Job (5a023792-1445-44e9-8a8b-cfe5ad05d1c6) not found.';
const JOB_NOT_FOUND = 'Job not found in task.';

const badPage = (description = 'page is no positive integer.') =>
  errorAnswer(description, 'Tasks pagination page param should be a positive integer.', 'get_tasks');

const tooLarge = textAnswer(
  'The body is larger than BODY_LIMIT_BYTES.',
  'The request body is larger than 1048576 bytes',
);

const enqueue = (operationId: string, summary: string, description: string, parameters: object[]): Operation =>
  operation({
    operationId,
    tags: ['Jobs'],
    summary,
    description: `${description} The answer goes out once the job is stored.`,
    parameters: [
      ...(parameters as NonNullable<Operation['parameters']>),
      {
        name: 'Idempotency-Key',
        in: 'header',
        description:
          'Makes it safe to send the request again after an answer that did not come: the same key with the same request gets the answer of the ' +
          'first, for 24 hours at least, and enqueues nothing. Ours.',
        schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]+$' },
        example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
      },
    ],
    requestBody: { required: true, content: json('Payload', examples.enqueue) },
    responses: {
      200: jsonAnswer('Stored; without an execution as yet when it is to run later.', 'Enqueued', examples.enqueued),
      400: textAnswer(
        'Something in the request is wrong; the text names it. Nothing was written.',
        'image and command must be filled in the request.',
      ),
      413: tooLarge,
      422: textAnswer(
        'The Idempotency-Key was used for another request.',
        'This Idempotency-Key was used for another request',
      ),
    },
  });

const exitCode = { 'Fastlane-Exit-Code': { description: 'An integer, or `None`.', schema: { type: 'string' } } };

/** One of the texts, of the last execution and of a certain one. */
function texts(name: 'stdout' | 'stderr' | 'logs', what: string, example: string): OpenAPIObject['paths'] {
  const responses: Responses = {
    200: { ...textAnswer(`${what} Empty while it waits and runs.`, example), headers: exitCode },
    400: errorAnswer(
      'There is no such execution.',
      'No executions found in job with specified arguments.',
      'retrieve_execution_details',
    ),
    404: errorAnswer('There is no such task or job.', NO_JOB, 'retrieve_execution_details'),
  };
  return {
    [`${JOB}${name}/`]: {
      get: operation({
        operationId: `job_${name}`,
        tags: ['Jobs'],
        summary: `${what.slice(0, -1)} of the last execution`,
        parameters: [task, job],
        responses,
      }),
    },
    [`${EXECUTION}${name}/`]: {
      get: operation({
        operationId: `execution_${name}`,
        tags: ['Executions'],
        summary: `${what.slice(0, -1)} of an execution`,
        parameters: [task, job, execution],
        responses,
      }),
    },
  };
}

const PAGE_DESCRIPTION =
  'Shows the log as it is written. There whatever it is asked for: it waits for what does not exist yet.';
const SOCKET_DESCRIPTION = `Text frames from the server only.

| Situation | Frames | Close code, reason |
|---|---|---|
| no such job | - | 1000, empty |
| no such execution, none yet | - | 1000, \`wsretry\` |
| enqueued, pulling | - | 1010, \`wsretry\` |
| running | the log so far, then what comes, as it comes | 1000, \`wsdone\` at its end |
| over | \`EXIT CODE: <n>\\n\`, the log, \`\\n-=-\\n\`, the error | 1010, \`wsdone\` |
| the follower takes nothing for 30 s, or falls 1 MB behind what comes | - | 1013, \`slow\` |
| the server ends | - | 1001 |
| the log cannot be read | - | 1011, \`wsretry\` |`;

/** The page and the WebSocket, of a job's last execution and of a certain one. */
function live(path: string, what: 'job' | 'execution', parameters: Operation['parameters']): OpenAPIObject['paths'] {
  return {
    [`${path}stream/`]: {
      get: operation({
        operationId: `${what}_stream`,
        tags: ['Live logs'],
        summary: `Page with the live log of ${what === 'job' ? "a job's last execution" : 'an execution'}`,
        description: PAGE_DESCRIPTION,
        parameters,
        responses: { 200: pageAnswer('The page.') },
      }),
    },
    [`${path}ws/`]: {
      get: operation({
        operationId: `${what}_ws`,
        tags: ['Live logs'],
        summary: `WebSocket with the live log of ${what === 'job' ? "a job's last execution" : 'an execution'}`,
        description: SOCKET_DESCRIPTION,
        parameters,
        responses: {
          101: { description: 'The WebSocket is open.' },
          403: { description: 'A page of an origin that FASTLANE_CORS_ORIGINS does not name; the body is empty.' },
          404: pageAnswer('The request does not ask for a WebSocket.'),
        },
      }),
    },
  };
}

const blacklist = (operationId: string, verb: string, verbAnd: string): Operation =>
  operation({
    operationId,
    tags: ['Farm'],
    summary: `${verb} a host`,
    description: 'Containers that run there go on.',
    requestBody: { required: true, content: json('Host', examples.host) },
    responses: {
      200: textAnswer('Done, also when it was done before.', ''),
      400: textAnswer(
        'The body is wrong.',
        `Failed to ${verbAnd} blacklist because 'host' attribute was not found in JSON body.`,
      ),
      413: tooLarge,
    },
  });

/** Every route of the dialect. */
export const paths: OpenAPIObject['paths'] = {
  '/healthcheck': {
    get: operation({
      operationId: 'healthcheck',
      tags: ['Farm'],
      summary: 'Do the servers behind it answer?',
      description: 'On a listener of its own (FASTLANE_PORT) at `/`, too.',
      responses: {
        200: jsonAnswer('They do.', 'Health', examples.health),
        500: jsonAnswer('One does not.', 'Health', examples.sick),
      },
    }),
  },
  '/status/': {
    get: operation({
      operationId: 'status',
      tags: ['Farm'],
      summary: 'Hosts, containers, queues and cron jobs',
      responses: { 200: jsonAnswer('The state of the farm.', 'Status', examples.status) },
    }),
  },
  '/routes/': {
    get: operation({
      operationId: 'routes',
      tags: ['Farm'],
      summary: 'Every route; with FASTLANE_DEBUG only',
      responses: {
        200: jsonAnswer('By address.', 'Routes', examples.routes),
        404: pageAnswer('FASTLANE_DEBUG is not set.'),
      },
    }),
  },
  '/tasks/': {
    get: operation({
      operationId: 'get_tasks',
      tags: ['Tasks'],
      summary: 'Tasks, the oldest first',
      parameters: [page],
      responses: {
        200: jsonAnswer('A page of them.', 'TaskPage', examples.tasks),
        400: badPage(),
        404: pageAnswer('There is no such page.'),
      },
    }),
  },
  '/search/': {
    get: operation({
      operationId: 'search_tasks',
      tags: ['Tasks'],
      summary: 'Tasks whose names have one of some words',
      description:
        'Whole words, whatever their case and their English ending; a name is split at everything that is no letter or digit.',
      parameters: [inQuery('query', 'The words.', { type: 'string', minLength: 1 }, true), page],
      responses: {
        200: jsonAnswer('A page of them.', 'TaskPage', examples.found),
        400: badPage('query is missing, or page is no positive integer.'),
        404: pageAnswer('There is no such page.'),
      },
    }),
  },
  '/tasks/{task}/': {
    get: operation({
      operationId: 'get_task',
      tags: ['Tasks'],
      summary: 'Jobs of a task, the one that changed last first',
      parameters: [task],
      responses: {
        200: jsonAnswer('The task.', 'Task', examples.task),
        404: errorAnswer('There is no such task.', 'Task not found.', 'get_task'),
      },
    }),
    post: enqueue('create_task', 'Enqueue a job', 'Makes a job, and the task when it is the first of it.', [task]),
  },
  [JOB]: {
    get: operation({
      operationId: 'get_job',
      tags: ['Jobs'],
      summary: 'A job and its last 20 executions, newest first',
      description:
        'Of outputs longer than 64 KB that come to more than 16 MB together, those of the older executions are cut to their ends, behind a line ' +
        'that says where all of it is.',
      parameters: [task, job, { ...page, description: 'From 1; 2 are the 20 executions before these.' }],
      responses: {
        200: jsonAnswer('The job.', 'Job', examples.job),
        400: errorAnswer(
          'page is no positive integer.',
          'Executions pagination page param should be a positive integer.',
          'get_job',
        ),
        404: errorAnswer('There is no such job.', JOB_NOT_FOUND, 'get_task'),
      },
    }),
    put: enqueue(
      'create_or_update_task',
      'Enqueue a job under an id of its own, or change it',
      'What waits or runs of an earlier request ends.',
      [task, job],
    ),
  },
  [`${JOB}stop/`]: {
    post: operation({
      operationId: 'stop_job',
      tags: ['Jobs'],
      summary: 'Stop a job: its executions, its schedule, its retries',
      parameters: [task, job],
      responses: {
        200: jsonAnswer('Done, also when there was nothing to stop.', 'JobSummary', examples.summary),
        404: errorAnswer('There is no such job.', JOB_NOT_FOUND, 'stop_job'),
      },
    }),
  },
  [`${JOB}retry/`]: {
    post: operation({
      operationId: 'retry_job',
      tags: ['Jobs'],
      summary: 'Run a job again as it ran last',
      description: 'An execution that still runs is stopped.',
      parameters: [task, job],
      responses: {
        200: jsonAnswer('A new execution waits for its turn.', 'JobSummary', examples.summary),
        400: errorAnswer('It has not run yet, or waits for its time.', 'No execution yet to retry.', 'retry_job'),
        404: errorAnswer('There is no such job.', JOB_NOT_FOUND, 'retry_job'),
      },
    }),
  },
  ...texts('stdout', 'Standard output.', 'total 72K\n'),
  ...texts('stderr', 'Standard error.', 'some error message'),
  ...texts('logs', 'Both outputs, separated by `\\n-=-\\n`.', examples.logs),
  ...live(JOB, 'job', [task, job]),
  [EXECUTION]: {
    get: operation({
      operationId: 'get_job_execution',
      tags: ['Executions'],
      summary: 'An execution',
      parameters: [task, job, execution],
      responses: {
        200: jsonAnswer('The execution.', 'Execution', examples.execution),
        404: errorAnswer('There is no such task, job or execution.', NO_JOB, 'get_job_execution'),
      },
    }),
  },
  [`${EXECUTION}stop/`]: {
    post: operation({
      operationId: 'stop_job_execution',
      tags: ['Executions'],
      summary: 'Stop an execution; a schedule goes on',
      parameters: [task, job, execution],
      responses: {
        200: jsonAnswer('Done, also when it was over.', 'StoppedExecution', examples.stoppedExecution),
        404: errorAnswer('There is no such task, job or execution.', NO_JOB, 'stop_job_execution'),
      },
    }),
  },
  ...live(EXECUTION, 'execution', [task, job, execution]),
  '/docker-executor/blacklist': {
    post: blacklist('add_to_blacklist', 'Give no new containers to', 'add host to'),
    put: blacklist('put_on_blacklist', 'Give no new containers to', 'add host to'),
    delete: blacklist('remove_from_blacklist', 'Give containers again to', 'remove host from'),
  },
};
