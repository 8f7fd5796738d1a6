/** Injection token of the PullOptions. */
export const PULL_OPTIONS = Symbol('pull options');

export interface PullOptions {
  /** A task that names no time of its own is taken from its worker when the clock reaches the next multiple of so many seconds. */
  reclaimSeconds: number;
}

/** What is meant where an app is not configured with it. */
export const RECLAIM_SECONDS = 300;
