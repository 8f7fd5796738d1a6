import type { EngineWorkerDetails, GraphTask, MetricBucket, SystemStatus } from '@task-engine/engine';
import { examples } from './openapi/examples';
import { METRIC_NAMES, presentMetrics, presentStatus } from './system/system.presenter';
import {
  presentCancelledTask,
  presentCheckpoint,
  presentCreatedTask,
  presentLogLine,
  presentRetriedTask,
  presentTask,
  presentTaskOfWorker,
  presentWaitingTask,
} from './tasks/task.presenter';
import { presentDelivery, presentWebhook } from './webhooks/webhook.presenter';
import { presentWorker, presentWorkerDetails } from './workers/worker.presenter';

const at = (text: string) => new Date(text.replace('Z', '.999Z'));

const task: GraphTask = {
  id: '123',
  clientId: 7,
  name: 'Example Task',
  description: 'This is an example task',
  command: "echo 'Hello World'",
  status: 'pending',
  priority: 5,
  retryCount: 0,
  maxRetries: 3,
  createdAt: at('2023-06-15T10:00:00Z'),
  updatedAt: at('2023-06-15T10:00:00Z'),
  scheduledAt: at('2023-06-15T12:00:00Z'),
  startedAt: null,
  completedAt: null,
  timeoutSeconds: 3600,
  tags: ['example', 'demo'],
  workerTags: [],
  dependencies: ['100', '101'],
  workerId: null,
  result: null,
  error: null,
  checkpointEnabled: true,
  checkpoint: null,
};

/** What a client reads, its keys in order. */
const text = (value: unknown) => JSON.stringify(value);
/** Neither what the engine knows beside it nor whom it belongs to. */
const withSecrets = <T extends object>(value: T): T => ({ ...value, secret: 'hush', clientId: 99 });

describe("the document's examples", () => {
  it('are what a task looks like', () => {
    expect(text(presentTask(withSecrets(task)))).toBe(text(examples.task));
    expect(text(presentCreatedTask(task))).toBe(text(examples.createdTask));
    const updated: GraphTask = {
      ...task,
      name: 'Updated Task Name',
      description: 'Updated task description',
      priority: 8,
      maxRetries: 5,
      updatedAt: at('2023-06-15T11:30:00Z'),
      scheduledAt: at('2023-06-16T12:00:00Z'),
      timeoutSeconds: 7200,
      tags: ['updated', 'example'],
      dependencies: ['100', '101', '102'],
    };
    expect(text(presentTask(updated))).toBe(text(examples.updatedTask));
  });

  it('are what its changes look like', () => {
    const cancelled: GraphTask = { ...task, status: 'cancelled', updatedAt: at('2023-06-15T11:45:00Z') };
    expect(text(presentCancelledTask(cancelled))).toBe(text(examples.cancelled));
    const retried: GraphTask = { ...task, retryCount: 1, updatedAt: at('2023-06-15T11:50:00Z') };
    expect(text(presentRetriedTask(retried))).toBe(text(examples.retried));
    const stored: GraphTask = {
      ...task,
      checkpoint: examples.checkpoint.checkpoint_data,
      updatedAt: at('2023-06-15T12:15:00Z'),
    };
    expect(text(presentCheckpoint(stored))).toBe(text(examples.storedCheckpoint));
  });

  it('are what its log looks like', () => {
    const line = { at: at('2023-06-15T12:01:00Z'), level: 'info' as const, message: 'Task started execution' };
    expect(text(presentLogLine(withSecrets(line)))).toBe(text(examples.log[0]));
  });

  it('are what a worker looks like', () => {
    const worker: EngineWorkerDetails = {
      id: examples.worker.id.slice('worker-'.length),
      hostname: 'worker-pod-1',
      status: 'active',
      tasksCompleted: 42,
      tasksFailed: 3,
      currentTasks: 2,
      lastHeartbeat: at('2023-06-15T12:20:00Z'),
      registeredAt: at('2023-06-01T00:00:00Z'),
      version: '1.0.0',
      tags: ['general'],
      currentTaskIds: ['123', '456'],
      resources: { cpu: 0.4512, memory: 0.32, disk: 0.15 },
    };
    expect(text(presentWorker(withSecrets(worker)))).toBe(text(examples.worker));
    expect(text(presentWorkerDetails(worker))).toBe(text(examples.workerDetails));
    const silent = { ...worker, resources: { cpu: null, memory: null, disk: null } };
    expect(presentWorkerDetails(silent).resources).toEqual({ cpu_usage: null, memory_usage: null, disk_usage: null });
    const running = {
      ...task,
      name: 'Example Task 1',
      status: 'running' as const,
      startedAt: at('2023-06-15T12:10:00Z'),
    };
    expect(text(presentTaskOfWorker(running))).toBe(text(examples.tasksOfWorker[0]));
  });

  const status: SystemStatus = {
    status: 'healthy',
    gateways: 3,
    schedulers: 2,
    leader: 'scheduler-0',
    workers: { active: 5, idle: 2, offline: 0 },
    database: { status: 'healthy', connections: 25 },
    redis: { status: 'healthy', memoryUsage: 0.35 },
    tasks: { pending: 15, running: 8, completedToday: 142, failedToday: 3 },
    depths: { high: 2, normal: 10, low: 3 },
  };
  const gateway = { version: '1.0.0', uptime: 1209600.9 };

  it('are what the system looks like', () => {
    expect(text(presentStatus(status, gateway))).toBe(text(examples.status));
  });

  it('say of a system without a leader or workers what is wrong with it', () => {
    const { components } = presentStatus(
      { ...status, leader: null, workers: { active: 0, idle: 0, offline: 4 } },
      gateway,
    );
    expect(components.scheduler).toEqual({ status: 'degraded', leader_id: null, instance_count: 2 });
    expect(components.workers.status).toBe('unhealthy');
    const none = presentStatus({ ...status, leader: null, schedulers: 0 }, gateway);
    expect(none.components.scheduler.status).toBe('unhealthy');
  });

  it('are what metrics look like, those that were asked for', () => {
    const bucket = (hour: number, completed: number, errorRate: number, averageSeconds: number): MetricBucket => ({
      start: new Date(Date.UTC(2023, 5, 15, hour)),
      completed,
      errorRate,
      averageSeconds,
    });
    const buckets = [bucket(11, 12, 0.02, 45.2), bucket(12, 15, 0.01000049, 42.8000001), bucket(13, 10, 0.03, 47.5)];
    const all = presentMetrics(buckets, 'hour', new Set(METRIC_NAMES));
    expect(text(all)).toBe(text({ data: examples.metrics, meta: examples.metricsMeta }));
    expect(Object.keys(presentMetrics(buckets, 'hour', new Set(['error_rate'] as const)).data)).toEqual(['error_rate']);
  });
});

describe('what the document leaves open', () => {
  it('is shown beside its keys: why a task waits, and worker tags of one that has some', () => {
    const wait = { reason: 'Dependency' as const, blockedBy: [{ id: '100', status: 'failed' as const }] };
    expect(presentWaitingTask(task, wait)).toEqual(examples.waitingTask);
    expect(text(presentWaitingTask(task, undefined))).toBe(text(examples.task));
    expect(presentTask({ ...task, workerTags: ['gpu'] })).toMatchObject({ worker_tags: ['gpu'] });
  });

  it('shows webhooks without their secrets, and what became of deliveries', () => {
    const webhook = {
      id: '7',
      url: 'https://example.com/hooks/tasks',
      events: ['task.completed' as const, 'task.failed' as const],
      createdAt: at('2023-06-15T10:00:00Z'),
    };
    expect(text(presentWebhook(withSecrets(webhook)))).toBe(text(examples.webhook));
    const delivery = {
      id: '31',
      messageId: 'msg_31',
      event: 'task.completed' as const,
      state: 'exhausted' as const,
      attempts: 12,
      nextAttemptAt: null,
      lastStatus: 500,
      lastError: null,
      createdAt: at('2023-06-15T12:30:00Z'),
      finishedAt: at('2023-06-16T09:00:00Z'),
    };
    expect(text(presentDelivery(withSecrets(delivery)))).toBe(text(examples.delivery));
  });
});
