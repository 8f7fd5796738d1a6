import type { PullWorker } from '@task-engine/engine';
import { unixSeconds } from '../http/unix-seconds';

/** @param options.secret whether the caller may know it */
export function presentWorker({ id, createdAt, alias, secret, paused }: PullWorker, options = { secret: false }) {
  return {
    id,
    created: unixSeconds(createdAt),
    ...(alias !== '' && { alias }),
    secret: options.secret ? secret.toString('base64') : null,
    paused,
  };
}

export function presentWorkerStatistics({ alias, closedTasks, paused, id }: PullWorker) {
  return { alias, closed_task_count: closedTasks, paused, id };
}
