import type { Health } from '@task-engine/engine';
import type { QueueStatistics } from '@task-engine/database';
import type { JobState } from '@task-engine/domain';

/** Order of the documents; further queues follow by name. */
const QUEUES = ['windows_capture', 'scheduler', 'work', 'controller', 'callback'];

/** @param problems why a changed workflow definition was not taken; shown only when there are any */
export function presentHealth(health: Health, version: string, problems: string[] = []) {
  const names = [
    ...QUEUES,
    ...Object.keys(health.queues)
      .filter((name) => !QUEUES.includes(name))
      .sort(),
  ];
  const queues = Object.fromEntries(names.map((name) => [name, presentQueue(health.queues[name])]));
  const count = (state: JobState) => health.jobs[state] ?? 0;
  return {
    version,
    databases: { redis: health.redisError ?? 'OK', postgres: 'OK' },
    queues,
    tasks: {
      failed: health.tasksFailed,
      pending: Object.values(queues).reduce((sum, queue) => sum + queue.pending, 0),
      processed: health.executionsEnded,
    },
    jobs: {
      ...({
        completed: count('completed'),
        failed: count('failed'),
        pending: count('pending'),
        broken: count('broken'),
        queued: count('queued'),
        started: count('started'),
        scheduled: count('scheduled'),
        paused: count('paused'),
      } satisfies Record<JobState, number>),
      max_jobs: health.maxRunning,
      priority_slots: health.reservedSlots,
    },
    ...(problems.length > 0 && { definitions: problems }),
  };
}

function presentQueue(queue: QueueStatistics = { workers: 0, working: 0, pending: 0 }) {
  return { workers: queue.workers, working: queue.working, pending: queue.pending };
}
