import { rowId, wholeSeconds, workerId } from '@task-engine/dto';
import type { GraphLogLine, GraphTask, GraphWait } from '@task-engine/engine';

/** A time of the API, where there may be none. */
function time(at: Date | null): string | null {
  return at && wholeSeconds(at);
}

/** The document's keys; `worker_tags` beside them for a task that has some. */
export function presentTask(task: GraphTask) {
  return {
    id: rowId('task', task.id),
    name: task.name,
    description: task.description,
    command: task.command,
    status: task.status,
    priority: task.priority,
    retry_count: task.retryCount,
    max_retries: task.maxRetries,
    created_at: wholeSeconds(task.createdAt),
    updated_at: wholeSeconds(task.updatedAt),
    scheduled_at: time(task.scheduledAt),
    started_at: time(task.startedAt),
    completed_at: time(task.completedAt),
    timeout_seconds: task.timeoutSeconds,
    tags: task.tags,
    dependencies: task.dependencies.map((id) => rowId('task', id)),
    worker_id: task.workerId && workerId(task.workerId),
    result: task.result,
    error: task.error,
    checkpoint_data: task.checkpoint,
    ...(task.workerTags.length > 0 && { worker_tags: task.workerTags }),
  };
}

export function presentCreatedTask(task: GraphTask) {
  return { ...presentTask(task), checkpoint_enabled: task.checkpointEnabled };
}

/** A task by itself says why it waits, if it does. */
export function presentWaitingTask(task: GraphTask, wait: GraphWait | undefined) {
  if (!wait) return presentTask(task);
  return {
    ...presentTask(task),
    wait_reason: wait.reason,
    blocked_by: wait.blockedBy.map(({ id, status }) => ({ id: rowId('task', id), status })),
  };
}

export function presentCancelledTask({ id, status, updatedAt }: GraphTask) {
  return { id: rowId('task', id), status, updated_at: wholeSeconds(updatedAt) };
}

export function presentRetriedTask({ id, status, retryCount, updatedAt }: GraphTask) {
  return { id: rowId('task', id), status, retry_count: retryCount, updated_at: wholeSeconds(updatedAt) };
}

export function presentCheckpoint({ id, checkpoint, updatedAt }: GraphTask) {
  return { id: rowId('task', id), checkpoint_data: checkpoint, updated_at: wholeSeconds(updatedAt) };
}

export function presentLogLine({ at, level, message }: GraphLogLine) {
  return { timestamp: wholeSeconds(at), level, message };
}

/** A row of what a worker runs and ran. */
export function presentTaskOfWorker(task: Pick<GraphTask, 'id' | 'name' | 'status' | 'startedAt' | 'priority'>) {
  return {
    id: rowId('task', task.id),
    name: task.name,
    status: task.status,
    started_at: time(task.startedAt),
    priority: task.priority,
  };
}
