import { rowId, wholeSeconds, workerId } from '@task-engine/dto';
import type { EngineWorker, EngineWorkerDetails } from '@task-engine/engine';

export function presentWorker(worker: EngineWorker) {
  return {
    id: workerId(worker.id),
    hostname: worker.hostname,
    status: worker.status,
    tasks_completed: worker.tasksCompleted,
    tasks_failed: worker.tasksFailed,
    current_tasks: worker.currentTasks,
    last_heartbeat: wholeSeconds(worker.lastHeartbeat),
    registered_at: wholeSeconds(worker.registeredAt),
    version: worker.version,
    tags: worker.tags,
  };
}

/** The document's order of keys. */
export function presentWorkerDetails(worker: EngineWorkerDetails) {
  const { last_heartbeat, registered_at, version, tags, ...counts } = presentWorker(worker);
  const { cpu, memory, disk } = worker.resources;
  return {
    ...counts,
    current_task_ids: worker.currentTaskIds.map((id) => rowId('task', id)),
    last_heartbeat,
    registered_at,
    version,
    tags,
    resources: { cpu_usage: share(cpu), memory_usage: share(memory), disk_usage: share(disk) },
  };
}

function share(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
