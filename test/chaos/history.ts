import type { DeliveryState, ExecutionState, JobState, TaskState } from '@task-engine/domain';

/**
 * What was seen during a run. All times are milliseconds since 1970 of one clock: the driver, the endpoints and PostgreSQL run on
 * one machine.
 */
export interface History {
  seed: number;
  /** In the order of sending. */
  requests: RequestRecord[];
  /** Every change of a row, in the order of their triggers: for one row, and for all that happens under one lock, the true order. */
  events: RowEvent[];
  /** In order of time. */
  watermarks: Watermark[];
  /** Callbacks as they came in. */
  arrivals: Arrival[];
  /** Answers of semaphores. */
  semaphores: SemaphoreAnswer[];
  /** The jobs as they stand at the end. */
  jobs: FinalJob[];
  /** Ids of those that are graph tasks. */
  graphJobs: ReadonlySet<string>;
  /** What the command of a graph task has written, by its mark. */
  commands: Record<string, string[]>;
  /** Of graph tasks at the end: for how many they wait by their count, by their edges, and by edges whose parent has completed. */
  waits: { jobId: string; unmet: number; edges: number; met: number }[];
  /** The engine's own history of states. */
  transitions: { jobId: string; from: JobState | null; to: JobState }[];
  /** `whsec_...` by the name of the client. */
  secrets: Record<string, string>;
  /** What went wrong in the surroundings on purpose, for the reader. */
  faults: { at: number; text: string }[];
}

/** A job as the request asks for it. */
export interface Submission {
  /** Unique; handed in as `content_id`. */
  mark: string;
  workflow: string;
  priority: number;
  runAt?: number;
  semaphoreUrl?: string;
  endpoints: string[];
}

export type Operation =
  | { kind: 'submit'; submission: Submission }
  | { kind: 'pause' | 'resume' | 'break' | 'rerun'; jobId: string }
  | { kind: 'priority'; jobId: string; value: number }
  | { kind: 'run_at'; jobId: string; at: number }
  | { kind: 'semaphore'; jobId: string; url: string | null }
  | { kind: 'setting'; name: string; value: number }
  | { kind: 'push' }
  | GraphOperation;

/** What a client does with graph tasks that are there. */
export type GraphOperation =
  { kind: 'cancel' | 'retry'; jobId: string } | { kind: 'depend'; jobId: string; on: string[] };

/** One request with its answer. */
export interface RequestRecord {
  operation: Operation;
  client: string;
  sentAt: number;
  /** When the answer, or the failure of the connection, was seen. */
  answeredAt: number;
  /** HTTP status; 0 when no answer came: it may have been carried out, or be carried out later. */
  status: number;
  /** Of the job submitted, where the answer names one. */
  id?: string;
  text: string;
}

/** Which changes have been seen by whatever looked later: a snapshot of PostgreSQL, and a time after it was taken. */
export interface Watermark {
  at: number;
  /** Transactions before this one are over. */
  minimum: number;
  /** Transactions from this one on are not visible. */
  maximum: number;
  /** Between the two: those that still run. */
  running: number[];
}

interface Change<Table extends string, Row> {
  table: Table;
  /** Order of the triggers. */
  seq: number;
  at: number;
  /** Start of the transaction. */
  transactionAt: number;
  /** Number of the transaction. */
  xid: number;
  /** Primary key. */
  id: string;
  before: Row | null;
  after: Row;
}

export interface JobRow {
  state: JobState;
  lane_id: number;
  client_id: number;
  priority: number;
  position: number;
  top_of_queue: boolean;
  run_at: number;
  semaphore_url: string | null;
  /** Whether it was started before. */
  started: boolean;
  created_at: number;
}

export interface TaskRow {
  job_id: string;
  name: string;
  state: TaskState;
  tries: number;
  started: boolean;
  error: string | null;
}

export interface ExecutionRow {
  job_id: string;
  task_id: string;
  state: ExecutionState;
  token: string | null;
  worker_id: string | null;
}

export interface DeliveryRow {
  message_id: string;
  client_id: number;
  job_id: string;
  task_id: string;
  event: string;
  url: string;
  /** MD5. */
  body_hash: string;
  state: DeliveryState;
  attempts: number;
}

export interface LaneRow {
  max_running: number;
  reserved_slots: number;
  reserved_threshold: number;
  retry_limit: number;
  retry_delay_seconds: number;
  paused: boolean;
  name: string;
}

export interface GraphTaskRow {
  /** Ids of jobs. */
  dependencies: string[];
}

export interface ClientRow {
  name: string;
  max_running: number | null;
}

export interface ScheduleRow {
  next_at: number;
  active: boolean;
  every_seconds: number;
}

export interface TickRow {
  schedule_name: string;
  due_at: number;
}

export type JobEvent = Change<'job', JobRow>;
export type TaskEvent = Change<'task', TaskRow>;
export type ExecutionEvent = Change<'execution', ExecutionRow>;
export type DeliveryEvent = Change<'delivery', DeliveryRow>;
export type LaneEvent = Change<'lane', LaneRow>;
export type GraphTaskEvent = Change<'graph_task', GraphTaskRow>;
export type ClientEvent = Change<'client', ClientRow>;
export type ScheduleEvent = Change<'schedule', ScheduleRow>;
export type TickEvent = Change<'schedule_tick', TickRow>;

export type RowEvent =
  | JobEvent
  | TaskEvent
  | ExecutionEvent
  | DeliveryEvent
  | LaneEvent
  | ClientEvent
  | ScheduleEvent
  | TickEvent
  | GraphTaskEvent;

export type Table = RowEvent['table'];

/** A request that an endpoint of callbacks got. */
export interface Arrival {
  at: number;
  url: string;
  /** `webhook-id`, `webhook-timestamp`, `webhook-signature` as they came. */
  messageId: string;
  timestamp: string;
  signature: string;
  body: string;
  /** What was answered; 0: nothing. */
  status: number;
}

export interface SemaphoreAnswer {
  at: number;
  url: string;
  open: boolean;
}

export interface FinalJob {
  id: string;
  mark: string | null;
  state: JobState;
  rerunOf: string | null;
  waitReason: string | null;
}

/** The names under which violations are reported. */
export const INVARIANTS = [
  'accepted jobs exist once',
  'a job ends once',
  'a state changes only as allowed',
  'the history tells what happened',
  'one live lease of a task',
  'tokens only grow',
  'a task is finished once',
  'a stale report changes nothing',
  'limits hold',
  'nothing starts before its time',
  'nothing starts before its semaphore',
  'nothing runs while paused',
  'first in rank starts first',
  'due times fire once',
  'callbacks arrive',
  'callbacks keep their order',
  'an answer is true',
  'a task runs after what it depends on',
] as const;

export type Invariant = (typeof INVARIANTS)[number];

export interface Violation {
  invariant: Invariant;
  message: string;
  /** The jobs whose histories explain it. */
  jobIds: string[];
}
