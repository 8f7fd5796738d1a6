import type { History, Invariant, Violation } from '../history';
import { enters, leaves, rowsOf } from './timeline';

/**
 * At most one execution of a task holds a lease, each lease's token is larger than those before it, an execution ends under the token
 * it was claimed with, and a task is completed by exactly one execution, its last.
 */
export function checkLeases(history: History): Violation[] {
  const violations: Violation[] = [];
  const report = (invariant: Invariant, message: string, jobId: string) =>
    violations.push({ invariant, message, jobIds: [jobId] });
  const held = new Map<string, string>();
  const tokens = new Map<string, bigint>();
  const succeeded = new Map<string, string[]>();
  for (const event of history.events) {
    if (event.table !== 'execution') continue;
    const { id, before, after } = event;
    const { task_id: task, job_id: job } = after;
    if (enters(event, 'running')) {
      const other = held.get(task);
      if (other !== undefined)
        report('one live lease of a task', `execution ${id} of task ${task} began while execution ${other} ran`, job);
      held.set(task, id);
      const token = BigInt(after.token ?? 0);
      const last = tokens.get(task) ?? 0n;
      if (token <= last)
        report('tokens only grow', `execution ${id} of task ${task} got token ${token} after ${last}`, job);
      tokens.set(task, token);
    } else if (before?.state === 'running' && after.token !== before.token) {
      report(
        'a stale report changes nothing',
        `execution ${id} held token ${before.token} and left with ${after.token}`,
        job,
      );
    }
    if (leaves(event, 'running') && held.get(task) === id) held.delete(task);
    if (enters(event, 'succeeded')) succeeded.set(task, [...(succeeded.get(task) ?? []), id]);
  }
  for (const [task, executions] of succeeded) {
    if (executions.length === 1) continue;
    const job = rowsOf(history, 'task').get(task)?.[0]?.after.job_id ?? '';
    report('a task is finished once', `task ${task} succeeded in executions ${executions.join(', ')}`, job);
  }
  for (const [task, events] of rowsOf(history, 'task')) {
    const { job_id: job, name } = events[0]!.after;
    const ends = events.filter((event) => enters(event, 'completed') || enters(event, 'failed'));
    const again = history.graphJobs.has(job) ? events.filter((event) => leaves(event, 'failed')).length : 0;
    if (ends.length > 1 + again)
      report(
        'a task is finished once',
        `task ${task} '${name}' ended ${ends.map(({ after }) => after.state).join(', ')}`,
        job,
      );
    const done = events.at(-1)!.after.state === 'completed';
    if (done && !succeeded.has(task))
      report('a task is finished once', `task ${task} '${name}' is completed, but no execution of it succeeded`, job);
  }
  return violations;
}
