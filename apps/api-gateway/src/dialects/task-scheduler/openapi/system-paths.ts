import { GRAPH_STATUSES, METRIC_PERIODS } from '@task-engine/engine';
import { METRIC_NAMES } from '../system/system.presenter';
import { badQuery, inPath, inQuery, notFound, one, operation, paging, type Paths, some, withMeta } from './answers';
import { examples } from './examples';

const worker = inPath('id', 'worker');
const pageMeta = { schema: 'PageMeta', example: examples.page };

/** Workers and the whole installation. */
export const systemPaths: Paths = {
  '/api/workers': {
    get: operation({
      operationId: 'list_workers',
      tags: ['Workers'],
      summary: 'The workers of the installation',
      parameters: [
        inQuery('status', 'active: has tasks; idle: has none; offline: not heard of for 15 s.', {
          type: 'string',
          enum: ['active', 'idle', 'offline'],
        }),
        ...paging,
      ],
      responses: { 200: some('A page of workers.', 'Worker', [examples.worker], pageMeta), 400: badQuery },
    }),
  },
  '/api/workers/{id}': {
    get: operation({
      operationId: 'get_worker',
      tags: ['Workers'],
      summary: 'A worker with what it runs and uses',
      parameters: [worker],
      responses: { 200: one('The worker.', 'WorkerDetails', examples.workerDetails), 404: notFound('Worker') },
    }),
  },
  '/api/workers/{id}/tasks': {
    get: operation({
      operationId: 'get_worker_tasks',
      tags: ['Workers'],
      summary: "The client's tasks that a worker runs or was the last to run",
      parameters: [
        worker,
        inQuery('status', 'Tasks of this status alone.', { type: 'string', enum: [...GRAPH_STATUSES] }),
        ...paging,
      ],
      responses: {
        200: some('A page of tasks.', 'TaskOfWorker', examples.tasksOfWorker, pageMeta),
        400: badQuery,
        404: notFound('Worker'),
      },
    }),
  },
  '/api/system/status': {
    get: operation({
      operationId: 'get_system_status',
      tags: ['System'],
      summary: 'How the installation does; counts are of all clients, days of UTC',
      responses: { 200: one('The status.', 'SystemStatus', examples.status) },
    }),
  },
  '/api/system/metrics': {
    get: operation({
      operationId: 'get_system_metrics',
      tags: ['System'],
      summary: 'What was done over time, by all clients',
      description:
        'task_completion_rate: tasks completed in the period; error_rate: failed ones as a share of those that ended; average_execution_time: ' +
        'seconds. 24 hours, 30 days, 12 weeks (from Monday) or 12 months, the present one last.',
      parameters: [
        inQuery('period', 'Of each point.', { type: 'string', enum: [...METRIC_PERIODS], default: 'hour' }),
        inQuery('metrics', `Of ${METRIC_NAMES.join(', ')}, separated by commas; all without it.`, { type: 'string' }),
      ],
      responses: {
        200: withMeta('The metrics.', 'Metrics', examples.metrics, {
          schema: 'MetricsMeta',
          example: examples.metricsMeta,
        }),
        400: badQuery,
      },
    }),
  },
};
