import type { WorkerLogLine } from '@task-engine/engine';

/** `data` is JSON in a text: clients parse it. */
export function presentLogLine({ message, loggedAt, scope, workerId, level }: WorkerLogLine) {
  return { message, timestamp: loggedAt, data: JSON.stringify({ scope, worker: workerId }), level };
}
