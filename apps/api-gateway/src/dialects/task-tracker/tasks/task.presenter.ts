import type { AssignedTask } from '@task-engine/engine';
import { unixSeconds } from '../http/unix-seconds';
import { presentProject } from '../projects/project.presenter';

/** Of a task that is open, also while a worker has it; the other word that clients know is 2, failed, and no worker gets such a task. */
const NEW = 1;

export function presentTask(task: AssignedTask) {
  return {
    id: BigInt(task.id),
    priority: task.priority,
    project: presentProject(task.project),
    assignee: task.workerId,
    retries: task.retries,
    max_retries: task.maxRetries,
    status: NEW,
    recipe: task.recipe,
    max_assign_time: task.maxAssignSeconds,
    assign_time: unixSeconds(task.assignedAt),
    verification_count: task.verifications,
  };
}
