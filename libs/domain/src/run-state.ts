/**
 * Life cycle of a run: one execution of a command, in a container or as a process. A run is one job of the engine; while that job waits
 * the run waits, and with it the run ends (fastlane shows these as enqueued, pulling, running, done, failed, timedout, expired).
 */
export const RUN_STATES = ['waiting', 'pulling', 'running', 'succeeded', 'failed', 'timed_out', 'expired'] as const;

export type RunState = (typeof RUN_STATES)[number];

export const RUN_TRANSITIONS = {
  /** Until a worker has taken it; `failed` when it is cancelled before. */
  waiting: ['pulling', 'running', 'succeeded', 'failed', 'timed_out', 'expired'],
  /** Its image is being fetched. */
  pulling: ['running', 'succeeded', 'failed', 'timed_out', 'expired'],
  /** Its command runs. A run whose worker died stays here until another one has taken it over. */
  running: ['succeeded', 'failed', 'timed_out'],
  /** Exit code 0. */
  succeeded: [],
  /** Any other exit code, no start, or stopped. */
  failed: [],
  timed_out: [],
  /** Its turn came after the time up to which it was wanted. */
  expired: [],
} as const satisfies Record<RunState, readonly RunState[]>;

export const FINAL_RUN_STATES = ['succeeded', 'failed', 'timed_out', 'expired'] as const satisfies readonly RunState[];

export type FinalRunState = (typeof FINAL_RUN_STATES)[number];

/** Why a run exists. `schedule`: at the time its command was submitted for; `cron`: one firing. */
export const RUN_CAUSES = ['request', 'schedule', 'cron', 'retry'] as const;

export type RunCause = (typeof RUN_CAUSES)[number];

/** The two outputs of a command. */
export type OutputStream = 'stdout' | 'stderr';
