import { z } from 'zod';
import { rowId } from './work';

/**
 * Notifications: heard by every replica that listens at that moment, by nobody later. So each of them is only a nudge; a row or a poll
 * stands behind it. A name is never given another meaning: an incompatible change is a new name (`job.queued.v2`).
 */
export const NOTIFICATIONS = {
  /** A job came to wait in the lane: of interest while a slot is free. */
  'job.queued': z.object({ laneId: z.int() }),
  /** A slot of the lane came free: of interest while a job waits for one. */
  'slot.freed': z.object({ laneId: z.int() }),
  /** Anything else about the lane or its jobs that decides what may start. */
  'lane.changed': z.object({ laneId: z.int() }),
  /** A due time changed: the leader looks again. */
  'schedule.changed': z.object({}),
  /** Whoever runs one of these executions stops it. */
  'execution.stop': z.object({ executionIds: z.array(rowId) }),
  'job.broken': z.object({ jobId: rowId }),
  /** A run has written something, or has come to another state: whoever follows it looks. */
  'run.output': z.object({ jobId: rowId }),
  /** Whoever runs it ends its command. */
  'run.stop': z.object({ jobId: rowId }),
} satisfies Record<string, z.ZodType>;

export type NotificationName = keyof typeof NOTIFICATIONS;

export type Notifications = { [Name in NotificationName]: z.output<(typeof NOTIFICATIONS)[Name]> };
