import { GRAPH_SORTS, GRAPH_STATUSES } from '@task-engine/engine';
import {
  badQuery,
  body,
  bodyRefusals,
  inPath,
  inQuery,
  invalid,
  notFound,
  one,
  operation,
  paging,
  type Paths,
  refused,
  some,
  wrongState,
} from './answers';
import { examples } from './examples';

const id = inPath('id', 'task');
const unknown = notFound('Task');
const pageMeta = { schema: 'PageMeta', example: examples.page };

/** Tasks and how they run. */
export const taskPaths: Paths = {
  '/api/tasks': {
    get: operation({
      operationId: 'list_tasks',
      tags: ['Tasks'],
      summary: "The client's tasks",
      parameters: [
        inQuery('status', 'Tasks of this status alone.', { type: 'string', enum: [...GRAPH_STATUSES] }),
        inQuery('tag', 'Tasks with this tag alone.', { type: 'string' }),
        inQuery('sort', 'What they are sorted by; equal ones by their ids.', {
          type: 'string',
          enum: [...GRAPH_SORTS],
          default: 'created_at',
        }),
        inQuery('order', 'Which way.', { type: 'string', enum: ['asc', 'desc'], default: 'desc' }),
        ...paging,
      ],
      responses: { 200: some('A page of tasks.', 'Task', [examples.task], pageMeta), 400: badQuery },
    }),
    post: operation({
      operationId: 'create_task',
      tags: ['Tasks'],
      summary: 'A new task',
      description: 'The answer goes out once the task is stored.',
      parameters: [
        {
          name: 'Idempotency-Key',
          in: 'header',
          description:
            'Makes it safe to send the request again after an answer that did not come: the same key with the same body gets the task of the ' +
            'first, as it is by then, for 24 hours at least. A refused request leaves its key unused. Keys are per client. Ours.',
          schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[ -~]+$' },
          example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
        },
      ],
      requestBody: body('NewTask', examples.newTask),
      responses: {
        201: one('The task.', 'CreatedTask', examples.createdTask),
        ...bodyRefusals,
        409: refused(
          'The task that the Idempotency-Key made is deleted.',
          'conflict',
          'The task that this Idempotency-Key made is deleted',
        ),
        422: invalid(
          'priority',
          'must be an integer from 1 to 10',
          'Fields are wrong, or the Idempotency-Key was used for another request. Nothing was written.',
        ),
      },
    }),
  },
  '/api/tasks/{id}': {
    get: operation({
      operationId: 'get_task',
      tags: ['Tasks'],
      summary: 'A task; of one that is pending also why it waits',
      parameters: [id],
      responses: { 200: one('The task.', 'WaitingTask', examples.waitingTask), 404: unknown },
    }),
    put: operation({
      operationId: 'update_task',
      tags: ['Tasks'],
      summary: 'Change a pending task',
      parameters: [id],
      requestBody: body('TaskUpdate', examples.taskUpdate),
      responses: {
        200: one('The task as it is now.', 'Task', examples.updatedTask),
        ...bodyRefusals,
        404: unknown,
        409: wrongState(
          'It is not pending any more.',
          'Only a pending task can be changed, and this one is running',
          'running',
        ),
        422: invalid('dependencies', 'has tasks that wait for this one: task-102'),
      },
    }),
    delete: operation({
      operationId: 'delete_task',
      tags: ['Tasks'],
      summary: 'Delete a task with its log',
      parameters: [id],
      responses: {
        200: one('It is gone.', 'Deleted', examples.deleted),
        404: unknown,
        409: refused('It is running, or pending tasks depend on it.', 'conflict', 'Pending tasks depend on this one', {
          dependents: ['task-124'],
        }),
      },
    }),
  },
  '/api/tasks/{id}/cancel': {
    post: operation({
      operationId: 'cancel_task',
      tags: ['Tasks'],
      summary: 'Cancel a pending or running task',
      parameters: [id],
      responses: {
        200: one('It is cancelled; a command that runs is stopped.', 'CancelledTask', examples.cancelled),
        404: unknown,
        409: wrongState('It has ended.', 'The task is completed already', 'completed'),
      },
    }),
  },
  '/api/tasks/{id}/retry': {
    post: operation({
      operationId: 'retry_task',
      tags: ['Tasks'],
      summary: 'Run a failed task again, from its checkpoint if it has one',
      parameters: [id],
      responses: {
        200: one('It waits for its turn.', 'RetriedTask', examples.retried),
        404: unknown,
        409: wrongState(
          'It has not failed.',
          'Only a failed task can be retried, and this one is completed',
          'completed',
        ),
      },
    }),
  },
  '/api/tasks/{id}/logs': {
    get: operation({
      operationId: 'get_task_logs',
      tags: ['Tasks'],
      summary: 'What a task has written, oldest line first',
      parameters: [
        id,
        inQuery('limit', 'Lines; more than 1000 are 1000.', { type: 'integer', minimum: 1, default: 100 }),
        inQuery('offset', 'Lines that are left out before.', { type: 'integer', minimum: 0, default: 0 }),
        inQuery('level', 'Lines of this level alone.', { type: 'string', enum: ['info', 'error', 'warn', 'debug'] }),
      ],
      responses: {
        200: some('The lines.', 'LogLine', examples.log, { schema: 'LogMeta', example: examples.logMeta }),
        400: badQuery,
        404: unknown,
      },
    }),
  },
  '/api/tasks/{id}/checkpoint': {
    post: operation({
      operationId: 'store_checkpoint',
      tags: ['Tasks'],
      summary: 'What the next try of a running task gets in CHECKPOINT_DATA',
      description:
        'For clients, and for the command itself: it has TASK_ID, TASK_API_URL and in TASK_API_TOKEN a bearer token for this address alone, ' +
        'which holds as long as its try. Such requests are not counted against the limit.',
      parameters: [id],
      requestBody: body('Checkpoint', examples.checkpoint),
      responses: {
        200: one('It is stored.', 'StoredCheckpoint', examples.storedCheckpoint),
        ...bodyRefusals,
        404: unknown,
        409: wrongState(
          'It does not run, or was made without checkpoint_enabled.',
          'Only a running task has checkpoints, and this one is pending',
          'pending',
        ),
        422: invalid('checkpoint_data', 'is required'),
      },
    }),
  },
};
