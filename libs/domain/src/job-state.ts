/**
 * Life cycle of a job. `failed` and `completed` are apart inside; Task Engine's API shows both as queue_state `completed`
 * and tells them by `failed` (reference/task-engine.md A4).
 */
export const JOB_STATES = [
  'pending',
  'scheduled',
  'queued',
  'started',
  'paused',
  'completed',
  'failed',
  'broken',
] as const;

export type JobState = (typeof JOB_STATES)[number];

/** Allowed changes of a job's state. The stores apply it as a guard (`state = ANY(sourcesOf(to))`), never by reading first. */
export const JOB_TRANSITIONS = {
  /** Stored but not released by its verifier. */
  pending: ['scheduled', 'queued', 'broken'],
  /** Waits for run_at or its semaphore. */
  scheduled: ['queued', 'paused', 'broken'],
  /** Waits for a slot of its lane. */
  queued: ['scheduled', 'started', 'paused', 'broken'],
  /** Holds a slot of its lane. */
  started: ['completed', 'failed', 'paused', 'broken'],
  /** Holds no slot; a task that was running may still finish. Goes back to scheduled when it is resumed before its time. */
  paused: ['queued', 'scheduled', 'broken'],
  completed: ['broken'],
  failed: ['broken'],
  broken: [],
} as const satisfies Record<JobState, readonly JobState[]>;

/**
 * What jobs of lanes that workers pull from may do besides: a worker gives its task back, or a manager has failed tasks tried again. Their
 * stores name the source, so that no other verb finds these ways.
 */
export const PULLED_JOB_TRANSITIONS = {
  started: ['queued'],
  failed: ['queued'],
} as const satisfies Partial<Record<JobState, readonly JobState[]>>;

/**
 * What graph tasks may do besides: one whose try has failed waits for its next one without a slot, one that no worker has taken yet is taken
 * back when its client changes for what it waits, and a client has a failed one tried again. Their store names the source, as that of pulled
 * ones does.
 */
export const GRAPH_JOB_TRANSITIONS = {
  scheduled: ['pending'],
  queued: ['pending'],
  started: ['scheduled', 'queued', 'pending'],
  failed: ['queued'],
} as const satisfies Partial<Record<JobState, readonly JobState[]>>;

/** States that nothing leaves but by `broken`; `finished_at` is set. */
export const FINAL_JOB_STATES = ['completed', 'failed', 'broken'] as const satisfies readonly JobState[];

/** The states from which a job may become `to`. */
export function jobStatesBefore(to: JobState): JobState[] {
  return JOB_STATES.filter((from) => (JOB_TRANSITIONS[from] as readonly JobState[]).includes(to));
}

export function isFinalJobState(state: JobState): boolean {
  return (FINAL_JOB_STATES as readonly JobState[]).includes(state);
}
