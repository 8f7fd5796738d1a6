import {
  badRequest,
  body,
  content,
  done,
  either,
  empty,
  notFound,
  operation,
  pathId,
  type Paths,
  rateLimited,
  refusal,
  textAnswer,
  unauthorized,
  wrongWorker,
} from './answers';
import { examples } from './examples';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const id = { type: 'integer', format: 'int64' };

const logPath = (level: string): Paths => ({
  [`/log/${level}`]: {
    post: operation({
      operationId: `log_${level}`,
      tags: ['Logs'],
      summary: `Write a line of level ${level}`,
      security: 'worker',
      requestBody: body('LogLine', examples.line),
      responses: {
        204: empty('It is kept.'),
        400: badRequest('Whatever is wrong, the headers of the worker included.'),
      },
    }),
  },
});

const NO_TASKS = badRequest(
  'A task is none, the worker may not submit, another open task has the same hash, or a number is out of range. Nothing was stored.',
  'requests[1], nothing was stored: pq: duplicate key value violates unique constraint "project_hash_unique"',
);

/** What workers call. */
export const workerPaths: Paths = {
  '/worker/create': {
    post: operation({
      operationId: 'create_worker',
      tags: ['Workers'],
      summary: 'A new worker',
      description: 'The secret is shown here alone. A body that cannot be read is answered with 200 and no body.',
      security: 'anybody',
      requestBody: body('Alias', { alias: 'some alias' }),
      responses: {
        200: content('The worker.', { worker: ref('Worker') }, { worker: examples.worker }),
        400: textAnswer('The body is larger than 4 MiB.', 'Error when parsing request'),
        403: refusal('The alias is not to be had.', 'You are now allowed to create a worker'),
      },
    }),
  },
  '/worker/get/{id}': {
    get: operation({
      operationId: 'get_worker',
      tags: ['Workers'],
      summary: 'A worker',
      description: 'Its secret is shown to admins.',
      security: 'guestOrManager',
      parameters: [pathId('id', 'worker')],
      responses: {
        200: content('The worker.', { worker: ref('Worker') }, { worker: examples.hiddenWorker }),
        400: badRequest('The id is none.', 'Invalid worker id'),
        404: notFound('Worker'),
      },
    }),
  },
  '/worker/update': {
    post: operation({
      operationId: 'update_worker',
      tags: ['Workers'],
      summary: 'Another alias',
      security: 'worker',
      requestBody: body('Alias', { alias: 'another alias' }),
      responses: { 200: done(), 400: badRequest('The body cannot be read.'), 401: wrongWorker() },
    }),
  },
  '/worker/set_paused': {
    post: operation({
      operationId: 'pause_worker',
      tags: ['Workers'],
      summary: 'Give a worker no more tasks, or again; for admins',
      security: 'manager',
      requestBody: body('Pause', { worker: 1, paused: true }),
      responses: {
        200: done(),
        400: badRequest('The body cannot be read, or there is no such worker.', 'Invalid worker'),
        403: unauthorized('No admin is logged in.'),
      },
    }),
  },
  '/worker/stats': {
    get: operation({
      operationId: 'worker_stats',
      tags: ['Workers'],
      summary: 'All workers and what they have closed',
      security: 'anybody',
      responses: {
        200: content(
          'The workers.',
          { stats: { type: 'array', items: ref('WorkerStatistics') } },
          { stats: [examples.workerStatistics] },
        ),
      },
    }),
  },
  '/task/submit': {
    post: operation({
      operationId: 'submit_task',
      tags: ['Tasks'],
      summary: 'Submit a task',
      description: 'The worker needs submit access, to public projects too.',
      security: 'worker',
      requestBody: body('Submission', examples.submission),
      responses: {
        200: content('It is kept.', { id }, { id: 7 }),
        400: badRequest(
          'It is no task, the worker may not submit, another open task has the same hash, or a number is out of range.',
          'unauthorized task submit',
        ),
        401: wrongWorker(),
        404: notFound('Project'),
        429: rateLimited,
      },
    }),
  },
  '/task/bulk_submit': {
    post: operation({
      operationId: 'submit_tasks',
      tags: ['Tasks'],
      summary: 'Submit tasks of one project, all or none',
      description: 'A project with a submit rate takes one at a time.',
      security: 'worker',
      requestBody: body('Bulk', examples.bulk),
      responses: {
        200: content('They are kept.', { ids: { type: 'array', items: id } }, { ids: [7, 8] }),
        400: NO_TASKS,
        401: wrongWorker(),
        404: notFound('Project'),
        429: rateLimited,
      },
    }),
  },
  '/task/get/{project}': {
    get: operation({
      operationId: 'get_task',
      tags: ['Tasks'],
      summary: 'The next task of a project',
      description: 'Larger priorities first, then as they came; none that the worker has voted on.',
      security: 'worker',
      parameters: [pathId('project', 'project')],
      responses: {
        200: either(content('A task, or none.', { task: ref('Task') }, { task: examples.task }), ref('Refused'), {
          ok: false,
          message: 'No task available',
        }),
        400: badRequest('The worker is paused, or the id is none.', 'A manager has paused you'),
        403: wrongWorker(),
        404: notFound('Project'),
        429: rateLimited,
      },
    }),
  },
  '/task/release': {
    post: operation({
      operationId: 'release_task',
      tags: ['Tasks'],
      summary: 'Give a task back',
      security: 'worker',
      requestBody: body('Release', examples.release),
      responses: {
        200: either(
          content('Whether that changed the task.', { updated: { type: 'boolean' } }, { updated: true }),
          ref('Accepted'),
          { ok: true, message: 'Task was not marked as closed', content: { updated: false } },
        ),
        400: badRequest('The body cannot be read, or names no task.', 'Invalid request'),
        403: wrongWorker(),
      },
    }),
  },
  ...logPath('trace'),
  ...logPath('info'),
  ...logPath('warn'),
  ...logPath('error'),
  '/logs': {
    post: operation({
      operationId: 'read_logs',
      tags: ['Logs'],
      summary: 'The newest 1,000 lines of a level',
      security: 'anybody',
      requestBody: body('LogQuestion', { since: 1, level: 5 }),
      responses: {
        200: content(
          'The lines; null when there is none.',
          { logs: { oneOf: [{ type: 'array', items: ref('LogEntry') }, { type: 'null' }] } },
          { logs: examples.logs },
        ),
        400: badRequest('The body cannot be read, or `since` is not above 0.', 'Invalid log request'),
      },
    }),
  },
};
