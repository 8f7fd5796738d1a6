import type { History, Operation, RequestRecord, Violation } from '../history';
import { groupBy } from './timeline';

type Submit = RequestRecord & { operation: Extract<Operation, { kind: 'submit' }> };
type Rerun = RequestRecord & { operation: { kind: 'rerun'; jobId: string } };

/**
 * Each submission has a mark of its own. One that was accepted is there once, under the id of its answer; one that was refused is not
 * there; one without an answer, or with a fault of the server for an answer, may be there, but not twice. Likewise the jobs that
 * reruns made.
 */
export function checkSubmissions(history: History): Violation[] {
  return [...checkFirst(history), ...checkReruns(history)];
}

function checkFirst(history: History): Violation[] {
  const violations: Violation[] = [];
  const submits = history.requests.filter((request): request is Submit => request.operation.kind === 'submit');
  const stored = groupBy(
    history.jobs.filter((job) => job.rerunOf === null),
    (job) => job.mark,
  );
  const report = (request: Submit, message: string, jobIds: string[]) =>
    violations.push({
      invariant: 'accepted jobs exist once',
      message: `submission ${request.operation.submission.mark}, answered ${request.status}${request.id ? ` with id ${request.id}` : ''}, ${message}`,
      jobIds,
    });
  for (const request of submits) {
    const ids = (stored.get(request.operation.submission.mark) ?? []).map((job) => job.id);
    stored.delete(request.operation.submission.mark);
    const among = ids.length > 0 ? ids : request.id ? [request.id] : [];
    if (ids.length > 1) report(request, `is there ${ids.length} times: jobs ${ids.join(', ')}`, ids);
    else if (accepted(request) && ids.length === 0) report(request, 'is lost', among);
    else if (accepted(request) && ids[0] !== request.id) report(request, `is there as job ${ids[0]}`, among);
    else if (refused(request) && ids.length > 0) report(request, `is there all the same: job ${ids[0]}`, among);
  }
  for (const [mark, jobs] of stored) {
    const ids = jobs.map((job) => job.id);
    const message = `nobody submitted ${mark ?? 'a job without a mark'}: jobs ${ids.join(', ')}`;
    violations.push({ invariant: 'accepted jobs exist once', message, jobIds: ids });
  }
  return violations;
}

function checkReruns(history: History): Violation[] {
  const violations: Violation[] = [];
  const reruns = history.requests.filter((request): request is Rerun => request.operation.kind === 'rerun');
  const made = groupBy(
    history.jobs.filter((job) => job.rerunOf !== null),
    (job) => job.rerunOf!,
  );
  const asked = groupBy(reruns, (request) => request.operation.jobId);
  const report = (jobId: string, message: string) =>
    violations.push({
      invariant: 'accepted jobs exist once',
      message: `reruns of job ${jobId}: ${message}`,
      jobIds: [jobId, ...(made.get(jobId) ?? []).map((job) => job.id)],
    });
  for (const [jobId, requests] of asked) {
    const ids = (made.get(jobId) ?? []).map((job) => job.id);
    const answered = requests.filter(accepted).map((request) => request.id!);
    const missing = answered.filter((id) => !ids.includes(id));
    if (missing.length > 0) report(jobId, `accepted as ${missing.join(', ')}, which are lost`);
    if (new Set(answered).size < answered.length) report(jobId, `one id for several: ${answered.join(', ')}`);
    const doubtful = requests.filter((request) => !accepted(request) && !refused(request)).length;
    if (ids.length > answered.length + doubtful)
      report(jobId, `${answered.length} accepted, ${doubtful} in doubt, ${ids.length} made`);
  }
  for (const jobId of made.keys()) if (!asked.has(jobId)) report(jobId, 'nobody asked for one');
  return violations;
}

export const accepted = ({ status }: RequestRecord): boolean => status >= 200 && status < 300;
export const refused = ({ status }: RequestRecord): boolean => status >= 400 && status < 500;
