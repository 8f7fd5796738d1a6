import type { WorkerNews } from '@task-engine/database';
import { wholeSeconds, workerId } from '@task-engine/dto';
import type { Happened } from '../webhooks/webhook-events';

/** A worker came or went: all clients may hear of it. */
export function workerEvent(event: 'worker.registered' | 'worker.offline', worker: WorkerNews): Happened {
  return {
    event,
    clientId: null,
    jobId: '0',
    about: () => ({
      worker: {
        id: workerId(worker.id),
        hostname: worker.host,
        status: event === 'worker.offline' ? 'offline' : 'idle',
        last_heartbeat: wholeSeconds(worker.lastSeenAt),
        registered_at: wholeSeconds(worker.startedAt),
        version: worker.version,
        tags: worker.tags,
      },
    }),
  };
}
