import type { JsonObject } from '@task-engine/domain';

/** One task of a job, templates unrendered. */
export interface TaskPlan {
  name: string;
  /** `builtin:<handler>`, `command` or `http`. */
  uses: string;
  /** Worker pool, e.g. `work`, `windows_capture`. */
  queue: string;
  /** Tasks of the same plan that must be completed or skipped first. */
  needs: string[];
  /** Template; a false value skips the task. Absent = true. */
  when?: string | boolean;
  with: JsonObject;
  /** 1, 2, ... for the copies of a repeated task: `${index}` in its templates. */
  index?: number;
  /** Further tries of a retryable failure and the seconds between them; an absent part is the setting of that name. */
  retries?: { limit?: number; delay?: number };
  /** Seconds for one execution, 0 = no limit. */
  timeout: number;
  /** Runs when every other task is settled, after a failure too. */
  always: boolean;
}

export interface CallbackPlan {
  /** Templates; may hold `${secrets.<name>}`. */
  headers: Record<string, string>;
  verifyTls: boolean;
  /** Seconds for one request; absent = the dispatcher's own limit. */
  timeout?: number;
  /** Sent to besides `rest_endpoints`. */
  endpoints: string[];
  /** Fields merged over the standard bodies; a literal null removes one. */
  task: { body: JsonObject };
  job: { body: JsonObject; onFailure: JsonObject };
}

/** What a job keeps of its definition: plain JSON with repeated tasks written out. */
export interface ResolvedDefinition {
  /** SHA-256, hex, of the canonical JSON of all other fields. */
  digest: string;
  workflow: string;
  version: number;
  source: 'common' | 'client';
  /** Topological order; a task's ordinal is its index. */
  tasks: TaskPlan[];
  callbacks: CallbackPlan;
  /** Seconds for the whole job, 0 = no limit. */
  timeout: number;
}
