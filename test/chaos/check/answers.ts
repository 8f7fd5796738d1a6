import { FINAL_JOB_STATES } from '@task-engine/domain';
import type { History, JobEvent, JobRow, LaneRow, RequestRecord, Violation } from '../history';
import { accepted, refused } from './submissions';
import { eventsOf, rowsOf } from './timeline';

/** Columns of lane by the name of their setting. */
const LANE_SETTINGS: Record<string, keyof LaneRow> = {
  max_jobs: 'max_running',
  priority_slots: 'reserved_slots',
  priority_threshold: 'reserved_threshold',
  retry_limit: 'retry_limit',
  retry_delay: 'retry_delay_seconds',
};

/**
 * What an answer says was so at some instant between request and answer: an accepted change was there, a refused one was impossible.
 */
export function checkAnswers(history: History): Violation[] {
  const jobs = rowsOf(history, 'job');
  const lanes = eventsOf(history, 'lane');
  const violations: Violation[] = [];
  for (const request of history.requests) {
    const { operation } = request;
    const report = (message: string, jobId?: string) =>
      violations.push({ invariant: 'an answer is true', message, jobIds: jobId ? [jobId] : [] });
    if (operation.kind === 'setting') {
      const column = LANE_SETTINGS[operation.name];
      const held =
        !column || lanes.some(({ after }, n) => within(request, lanes, n) && after[column] === operation.value);
      if (accepted(request) && !held) report(`${operation.name} = ${operation.value} was answered 200 and never set`);
      continue;
    }
    // whether a change of dependencies holds is seen by what starts (check/graph.ts)
    if (!('jobId' in operation) || operation.kind === 'depend') continue;
    const { jobId, kind } = operation;
    const versions = jobs.get(jobId) ?? [];
    const was = (holds: (row: JobRow, event: JobEvent) => boolean) =>
      versions.some((event, n) => within(request, versions, n) && holds(event.after, event));
    const done = (row: JobRow) => (FINAL_JOB_STATES as readonly string[]).includes(row.state);
    const said = `${kind} of job ${jobId} was answered ${request.status}`;
    if (accepted(request)) {
      const effect: Record<typeof kind, () => boolean> = {
        pause: () => was((row) => row.state === 'paused'),
        resume: () =>
          was((row, { before }) => row.state === 'queued' || (row.state === 'scheduled' && before?.state === 'paused')),
        break: () => was((row) => row.state === 'broken'),
        cancel: () => was((row) => row.state === 'broken'),
        retry: () => was((row, { before }) => row.state === 'queued' && before?.state === 'failed'),
        rerun: () => was((row) => row.state === 'broken'),
        priority: () => operation.kind === 'priority' && was((row) => row.priority === operation.value),
        // a past time becomes now
        run_at: () => operation.kind === 'run_at' && was((row) => row.run_at >= operation.at),
        semaphore: () => operation.kind === 'semaphore' && was((row) => row.semaphore_url === operation.url),
      };
      if (!effect[kind]()) report(`${said}, but there is nothing of it`, jobId);
    } else if (refused(request)) {
      const reason: Record<typeof kind, () => boolean> = {
        pause: () => was(done),
        resume: () => was((row) => row.state !== 'paused' && row.state !== 'queued'),
        break: () => false,
        cancel: () => was(done),
        retry: () => was((row) => row.state !== 'failed'),
        rerun: () => false,
        priority: () => was(done),
        run_at: () => was((row) => done(row) || row.state === 'started'),
        semaphore: () => was((row) => done(row) || row.state === 'started'),
      };
      if (!reason[kind]()) report(`${said}, for no reason: ${request.text}`, jobId);
    }
  }
  return violations;
}

/** Whether the n-th version of a row was the present one at some instant between a request and its answer. */
function within({ sentAt, answeredAt }: RequestRecord, versions: { at: number }[], n: number): boolean {
  const until = versions[n + 1]?.at ?? Infinity;
  // the driver's clock has whole milliseconds; and a version is written some time before its commit makes it the present one
  return Math.floor(versions[n]!.at) <= answeredAt && until >= sentAt - COMMIT;
}

/** Milliseconds that a commit may take: for so long after the trigger of the next version the former one may still be seen. */
const COMMIT = 2_000;
