import type { ProjectMonitor } from '@task-engine/engine';
import { unixSeconds } from '../http/unix-seconds';

type Snapshot = Awaited<ReturnType<ProjectMonitor['snapshots']>>[number];
type Assignee = Awaited<ReturnType<ProjectMonitor['assignees']>>[number];

/** Alias of nobody. */
const NOBODY = 'unassigned';

export function presentSnapshot(snapshot: Snapshot) {
  return {
    new_task_count: snapshot.newTasks,
    failed_task_count: snapshot.failedTasks,
    closed_task_count: snapshot.closedTasks,
    worker_access_count: snapshot.accesses,
    awaiting_verification_count: snapshot.votes,
    time_stamp: unixSeconds(snapshot.at),
  };
}

export function presentAssignee({ assignee, tasks }: Assignee) {
  return { assignee: assignee ?? NOBODY, task_count: tasks };
}
