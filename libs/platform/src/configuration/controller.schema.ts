import { z } from 'zod';

import { decimal, integer } from './fields';
import {
  clientsVariables,
  dataVariables,
  databaseVariables,
  heartbeatFitsLease,
  leaseVariables,
  opsVariables,
  redisVariables,
} from './variables';

/** Variables of `job-controller`. */
export const controllerSchema = z
  .object({
    ...opsVariables(8081),
    ...databaseVariables,
    ...redisVariables,
    ...dataVariables,
    ...clientsVariables,
    ...leaseVariables,
    ADMIT_POLL_SECONDS: decimal('Seconds between two looks for waiting jobs when no hint arrives', {
      min: 0.1,
      max: 60,
      default: 1,
    }),
    CONTROLLER_CONCURRENCY: integer('Jobs that one process advances at one time', { min: 1, max: 256, default: 16 }),
  })
  .superRefine(heartbeatFitsLease);

export type ControllerConfiguration = z.output<typeof controllerSchema>;
