import type { History, Invariant, JobEvent, LaneRow, Violation } from '../history';
import { enters, Sight } from './timeline';

/** No job starts before its run_at, before its semaphore has said yes, or in a paused lane; no task runs while its job is not started. */
export function checkEligibility(history: History): Violation[] {
  const violations: Violation[] = [];
  const lanes = new Map<string, LaneRow>();
  const jobs = new Map<string, JobEvent>();
  const sight = new Sight(history.watermarks);
  const opened = new Map<string, number>();
  for (const { url, at, open } of history.semaphores)
    if (open) opened.set(url, Math.min(at, opened.get(url) ?? Infinity));

  for (const event of history.events) {
    const report = (invariant: Invariant, message: string, jobId: string) =>
      violations.push({ invariant, message, jobIds: [jobId] });
    if (event.table === 'lane') lanes.set(event.id, event.after);
    if (event.table === 'job') {
      const { id, after, at } = event;
      jobs.set(id, event);
      if (!enters(event, 'started')) continue;
      // a time is kept to the microsecond, so no tolerance
      if (after.run_at > at)
        report('nothing starts before its time', `job ${id} started ${ms(after.run_at - at)} before its run_at`, id);
      if (lanes.get(String(after.lane_id))?.paused)
        report('nothing runs while paused', `job ${id} started in a paused lane`, id);
      if (after.semaphore_url !== null && !((opened.get(after.semaphore_url) ?? Infinity) <= at))
        report(
          'nothing starts before its semaphore',
          `job ${id} started before ${after.semaphore_url} had said yes`,
          id,
        );
    }
    if (event.table === 'execution' && enters(event, 'running')) {
      const { job_id: jobId } = event.after;
      const job = jobs.get(jobId);
      const state = job?.after.state ?? 'not there';
      // a pause that was not committed yet lets a claim pass
      if (state !== 'started' && !(job && !sight.surelySaw(event.transactionAt, job.xid)))
        report('nothing runs while paused', `execution ${event.id} began while its job ${jobId} was ${state}`, jobId);
    }
  }
  return violations;
}

const ms = (duration: number) => `${Math.ceil(duration)} ms`;
