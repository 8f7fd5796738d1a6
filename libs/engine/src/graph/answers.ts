import type { GraphStatus, GraphTask } from './views';

/** A task that is not the client's looks unknown: `not_found`. */
interface NotFound {
  refused: 'not_found';
}

export type CreateAnswer =
  | { task: GraphTask }
  /** Tasks that are not there, or another client's. */
  | { refused: 'unknown_dependency'; ids: string[] }
  /** A further set of worker tags is more than an installation takes. */
  | { refused: 'too_many_worker_tags' };

export type UpdateAnswer =
  | { task: GraphTask }
  | NotFound
  | { refused: 'not_pending'; status: GraphStatus }
  /** `cycle`: those of the dependencies that wait for this task themselves. */
  | { refused: 'unknown_dependency' | 'cycle'; ids: string[] }
  | { refused: 'self_dependency' }
  | { refused: 'too_many_worker_tags' };

export type RemoveAnswer =
  | { removed: true }
  | { refused: 'not_found' | 'running' }
  /** Tasks that still wait for it, the first hundred. */
  | { refused: 'needed'; ids: string[] };

export type CancelAnswer = { task: GraphTask } | NotFound | { refused: 'finished'; status: GraphStatus };

export type RetryAnswer = { task: GraphTask } | NotFound | { refused: 'not_failed'; status: GraphStatus };

export type CheckpointAnswer =
  | { task: GraphTask }
  | { refused: 'not_found' | 'not_enabled' | 'stale_token' }
  | { refused: 'not_running'; status: GraphStatus };
