import { z } from 'zod';

import { integer, list, queueList, text } from './fields';
import {
  clientsVariables,
  databaseVariables,
  dataVariables,
  heartbeatFitsLease,
  leaseVariables,
  opsVariables,
  outboundVariables,
  redisVariables,
} from './variables';

/** Variables of `task-worker`. */
export const workerSchema = z
  .object({
    ...opsVariables(8082),
    ...databaseVariables,
    ...redisVariables,
    ...leaseVariables,
    ...outboundVariables,
    ...dataVariables,
    ...clientsVariables,
    WORK_CONCURRENCY: integer('Tasks of the queue `work` that one process runs at one time', {
      min: 0,
      max: 1024,
      default: 16,
    }),
    WINDOWS_CAPTURE_CONCURRENCY: integer('Tasks of the queue `windows_capture` that one process runs at one time', {
      min: 0,
      max: 256,
      default: 2,
    }),
    FURTHER_QUEUES: queueList('Queues that only workflow definitions name, as name:slots,name:slots'),
    COMMAND_ALLOW: list('Programs, comma-separated, that the command executor may start; none when unset'),
    MAX_DOWNLOAD_BYTES: integer('Bytes of one source file at most', {
      min: 1,
      max: 109_951_162_777_600,
      default: 10_737_418_240,
    }),
    FFMPEG_PATH: text('The ffmpeg program', 'ffmpeg'),
    FFPROBE_PATH: text('The ffprobe program', 'ffprobe'),
  })
  .superRefine(heartbeatFitsLease);

export type WorkerConfiguration = z.output<typeof workerSchema>;
