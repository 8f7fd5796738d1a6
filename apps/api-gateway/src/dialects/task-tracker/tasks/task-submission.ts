import { sipHash } from '@task-engine/domain';
import type { NewPullTask } from '@task-engine/engine';
import { type Decoded, int16, int64, text } from '../json/decode';

/** The hash and the unique text have two names each: the document's, and the one on the wire. */
export const SUBMISSION = {
  project: int64(),
  recipe: text(),
  max_retries: int16(),
  priority: int16(),
  max_assign_time: int64(),
  hash64: int64(),
  hash_u64: int64(),
  unique_string: text(),
  unique_str: text(),
  verification_count: int16(),
};

export type Submission = Decoded<typeof SUBMISSION>;

/** Fixed, so that the same text has the same hash for ever. */
const KEY = [1, 2] as const;

/** The task as the engine takes it; undefined when it is none. */
export function newTask(submission: Submission): NewPullTask | undefined {
  const { project, recipe, max_retries: maxRetries } = submission;
  const hash = either(submission.hash_u64, submission.hash64);
  const unique = either(submission.unique_string, submission.unique_str);
  if (project === 0n || recipe === '' || maxRetries < 0 || hash === undefined || unique === undefined) return undefined;
  if (hash && unique) return undefined;
  return {
    recipe,
    maxRetries,
    priority: submission.priority,
    maxAssignSeconds: submission.max_assign_time,
    hash: unique ? hashOf(unique) : hash || null,
    verifications: submission.verification_count || 1,
  };
}

/** The one of two names that was used; undefined when they contradict each other. */
function either<T extends bigint | string>(one: T, other: T): T | undefined {
  if (one && other && one !== other) return undefined;
  return one || other;
}

/** PostgreSQL has signed integers only. */
function hashOf(text: string): bigint {
  return BigInt.asIntN(64, sipHash(Buffer.from(text), KEY));
}
