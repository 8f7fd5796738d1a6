import type { JobOrder } from '@task-engine/database';
import type { JobState } from '@task-engine/domain';
import type { JobChanges } from '@task-engine/engine';
import type { ORDER_FIELDS } from '@task-engine/dto';

/** The lane of the engine in which the Task Engine's jobs stand. */
export const LANE = 'engine';

/** queue_state that each state of the engine is shown as; `failed` is shown as completed with failed: true. */
export const QUEUE_STATE = {
  pending: 'pending',
  scheduled: 'scheduled',
  queued: 'queued',
  started: 'started',
  paused: 'paused',
  completed: 'completed',
  failed: 'completed',
  broken: 'broken',
} as const satisfies Record<JobState, string>;

/** States by the numbers of GET /jobs?state=. */
export const STATE_IDS = [
  'queued',
  'started',
  'completed',
  'pending',
  'broken',
  'scheduled',
  'paused',
] as const satisfies readonly JobState[];

/** Names of GET /jobs?order_by=. */
export const ORDERS = {
  id: 'id',
  client: 'client',
  workflow: 'workflow',
  priority: 'priority',
  position: 'position',
  top_of_queue: 'topOfQueue',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  queue_state: 'state',
  failed: 'failed',
  run_at: 'runAt',
} as const satisfies Record<(typeof ORDER_FIELDS)[number], JobOrder>;

/** The change that each field of an update asks for. */
export const CHANGES = {
  queue_state: 'state',
  run_at: 'runAt',
  priority: 'priority',
  semaphore_url: 'semaphoreUrl',
  sempahore_url: 'semaphoreUrl',
  persist: 'persist',
} as const satisfies Record<string, keyof JobChanges>;
