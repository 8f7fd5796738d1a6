/** Life cycle of a task: one step of a job. */
export const TASK_STATES = ['waiting', 'queued', 'started', 'completed', 'failed', 'skipped'] as const;

export type TaskState = (typeof TASK_STATES)[number];

export const TASK_TRANSITIONS = {
  /** Its needs are not done yet. */
  waiting: ['queued', 'skipped', 'failed'],
  /** An execution waits for a worker or for its retry delay. */
  queued: ['started', 'failed'],
  /** An execution runs. Back to `queued` for a further try. */
  started: ['completed', 'failed', 'queued'],
  completed: [],
  failed: [],
  skipped: [],
} as const satisfies Record<TaskState, readonly TaskState[]>;

/** Life cycle of an execution: one attempt at a task, a lease held by one worker. */
export const EXECUTION_STATES = ['queued', 'running', 'succeeded', 'failed', 'lost', 'stopped', 'released'] as const;

export type ExecutionState = (typeof EXECUTION_STATES)[number];

export const EXECUTION_TRANSITIONS = {
  queued: ['running', 'stopped'],
  /** Leased. `lost`: the lease ran out. `stopped`: its job was broken. `released`: handed back at shutdown, not counted. */
  running: ['succeeded', 'failed', 'lost', 'stopped', 'released'],
  succeeded: [],
  failed: [],
  lost: [],
  stopped: [],
  released: [],
} as const satisfies Record<ExecutionState, readonly ExecutionState[]>;

/** Life cycle of a delivery: one outgoing callback and its attempts. */
export const DELIVERY_STATES = ['pending', 'sending', 'delivered', 'exhausted', 'gone', 'blocked'] as const;

export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const DELIVERY_TRANSITIONS = {
  pending: ['sending'],
  /** Leased by one dispatcher; back to `pending` for a further try. */
  sending: ['pending', 'delivered', 'exhausted', 'gone', 'blocked'],
  delivered: ['pending'],
  /** Every attempt failed. Replay makes it pending again, as it does for the other final states. */
  exhausted: ['pending'],
  /** The endpoint answered 410. */
  gone: ['pending'],
  /** The address is private or special and not allowed. */
  blocked: ['pending'],
} as const satisfies Record<DeliveryState, readonly DeliveryState[]>;

/**
 * `callback`: to a job's endpoints, until one answers 2xx. `webhook`: to a webhook of a run, which has its own number of tries, takes every
 * status below 400 for success and is shown what it answered. `mail`: by SMTP, the url is a mailto:. `event`: to a webhook that its client has
 * made for events; it outlives the job that it tells of.
 */
export type DeliveryKind = 'callback' | 'webhook' | 'mail' | 'event';

/** A task that loses its lease to dead engine workers this often fails as `poison` instead of killing workers for ever. */
export const POISON_LEASES = 3;

/**
 * With so many leases lost a task is on its last chance. A worker runs such tasks one at a time: of those that were lost together with a
 * task that kills its worker, the others then come through.
 */
export const LAST_CHANCE_LEASES = POISON_LEASES - 1;
