import type { JsonObject } from '@task-engine/domain';

/** Where a graph task is, in the words that are the same for everybody who is shown one. */
export const GRAPH_STATUSES = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
export type GraphStatus = (typeof GRAPH_STATUSES)[number];

/** What a list can be sorted by. Equal ones come in the order of their ids, in the same direction; those without a value come last. */
export const GRAPH_SORTS = [
  'created_at',
  'updated_at',
  'scheduled_at',
  'started_at',
  'completed_at',
  'priority',
  'name',
  'status',
] as const;
export type GraphSort = (typeof GRAPH_SORTS)[number];

/** A job that runs one command line, after the tasks that it depends on. */
export interface GraphTask {
  id: string;
  clientId: number;
  name: string;
  description: string | null;
  command: string;
  status: GraphStatus;
  /** 1 to 10, 10 is the most urgent. */
  priority: number;
  /** Further tries so far: after failed ones, after lost workers, by hand. */
  retryCount: number;
  maxRetries: number;
  createdAt: Date;
  updatedAt: Date;
  scheduledAt: Date | null;
  startedAt: Date | null;
  completedAt: Date | null;
  timeoutSeconds: number;
  tags: string[];
  workerTags: string[];
  /** Ids as given, without repetitions. */
  dependencies: string[];
  /** Who runs it or ran it last: id of a worker row. Null while it waits for a further try, as `startedAt` is. */
  workerId: string | null;
  result: string | null;
  error: string | null;
  checkpointEnabled: boolean;
  checkpoint: JsonObject | null;
}

/** Why a pending task waits. */
export interface GraphWait {
  reason: 'RunAt' | 'Dependency' | 'LaneFull' | 'ClientCap' | 'LanePaused' | 'NoWorker' | 'Backoff';
  /** For `Dependency`: the tasks it waits for; `deleted` ones are gone before they completed. */
  blockedBy: { id: string; status: GraphStatus | 'deleted' }[];
}

/** What a client may say of a task, checked for types and ranges. */
export interface GraphTaskFields {
  name: string;
  description: string | null;
  /** 1 to 10. */
  priority: number;
  /** 0 to 100. */
  maxRetries: number;
  scheduledAt: Date | null;
  /** From 1. */
  timeoutSeconds: number;
  tags: string[];
  workerTags: string[];
  /** Ids of jobs, decimal numbers within bigint. */
  dependencies: string[];
}

export interface NewGraphTask extends GraphTaskFields {
  command: string;
  checkpointEnabled: boolean;
}

export interface GraphFilter {
  status?: GraphStatus;
  tag?: string;
  sort: GraphSort;
  descending: boolean;
  /** Rows left out before the first one shown. */
  offset: number;
  limit: number;
}

export interface GraphLogLine {
  at: Date;
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
}

/** A process that runs tasks. */
export interface EngineWorker {
  /** UUID. */
  id: string;
  hostname: string;
  status: 'active' | 'idle' | 'offline';
  tasksCompleted: number;
  tasksFailed: number;
  currentTasks: number;
  lastHeartbeat: Date;
  registeredAt: Date;
  version: string;
  tags: string[];
}

export interface EngineWorkerDetails extends EngineWorker {
  currentTaskIds: string[];
  /** Shares from 0 to 1; null until the first heartbeat that told. */
  resources: { cpu: number | null; memory: number | null; disk: number | null };
}

export interface SystemStatus {
  status: 'healthy' | 'degraded' | 'unhealthy';
  /** Of processes by app; they answered within the last 10 s. */
  gateways: number;
  schedulers: number;
  /** Host of the scheduler that keeps the time; null when none does. */
  leader: string | null;
  workers: { active: number; idle: number; offline: number };
  database: { status: 'healthy' | 'unhealthy'; connections: number };
  /** `memoryUsage`: share of maxmemory, or of the machine's memory when there is no such limit. */
  redis: { status: 'healthy' | 'unhealthy'; memoryUsage: number };
  tasks: { pending: number; running: number; completedToday: number; failedToday: number };
  depths: { high: number; normal: number; low: number };
}

export const METRIC_PERIODS = ['hour', 'day', 'week', 'month'] as const;
export type MetricPeriod = (typeof METRIC_PERIODS)[number];

/** One bucket of `period`, by UTC; a week begins on Monday. */
export interface MetricBucket {
  start: Date;
  completed: number;
  /** Failed ones as a share of those that ended; 0 when none did. */
  errorRate: number;
  /** Of completed tasks' last executions, in seconds; 0 when there were none. */
  averageSeconds: number;
}

/** Events that webhooks can be for. */
export const WEBHOOK_EVENTS = [
  'task.created',
  'task.started',
  'task.completed',
  'task.failed',
  'task.cancelled',
  'task.retrying',
  'worker.registered',
  'worker.offline',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What a client has subscribed to. Its secret is shown to nobody. */
export interface WebhookView {
  id: string;
  url: string;
  events: WebhookEvent[];
  createdAt: Date;
}

export interface WebhookDeliveryView {
  id: string;
  /** The same on every try and replay: header webhook-id. */
  messageId: string;
  event: WebhookEvent;
  state: 'pending' | 'sending' | 'delivered' | 'exhausted' | 'gone' | 'blocked';
  attempts: number;
  /** Null when there will be none. */
  nextAttemptAt: Date | null;
  lastStatus: number | null;
  lastError: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}
