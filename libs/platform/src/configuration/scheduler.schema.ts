import { z } from 'zod';

import { decimal, integer } from './fields';
import {
  clientsVariables,
  dataVariables,
  databaseVariables,
  heartbeatFitsLease,
  leaseVariables,
  opsVariables,
  outboundVariables,
  redisVariables,
} from './variables';

/** Variables of `scheduler`. */
export const schedulerSchema = z
  .object({
    ...opsVariables(8084),
    ...databaseVariables,
    ...redisVariables,
    ...dataVariables,
    ...clientsVariables,
    ...leaseVariables,
    ...outboundVariables,
    RETENTION_DAYS: integer('Days that finished jobs and their logs are kept, unless a job is marked `persist`', {
      min: 1,
      max: 36_500,
      default: 30,
    }),
    SEMAPHORE_TIMEOUT_SECONDS: integer('Seconds that one question to a semaphore_url may take in all', {
      min: 1,
      max: 300,
      default: 15,
    }),
    SWEEP_SECONDS: decimal('Seconds between two sweeps for expired leases and lost hints', {
      min: 0.2,
      max: 3600,
      default: 1,
    }),
    TASK_TRACKER_SNAPSHOT_SECONDS: decimal("Seconds between two snapshots of the projects' counts", {
      min: 0.2,
      max: 86_400,
      default: 120,
    }),
  })
  .superRefine(heartbeatFitsLease);

export type SchedulerConfiguration = z.output<typeof schedulerSchema>;
