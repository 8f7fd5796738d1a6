import type { GraphTaskEvent, History, JobEvent, Violation } from '../history';
import { enters, Sight } from './timeline';

/**
 * A graph task runs only after all that it depends on has completed, one that is completed has done what its command says, and the
 * books of what is waited for agree with the tasks.
 */
export function checkGraph(history: History): Violation[] {
  return [...checkOrderOfGraph(history), ...checkCommands(history), ...checkWaits(history)];
}

function checkOrderOfGraph(history: History): Violation[] {
  const violations: Violation[] = [];
  const sight = new Sight(history.watermarks);
  const versions = new Map<string, GraphTaskEvent[]>();
  const jobs = new Map<string, JobEvent>();
  for (const event of history.events) {
    if (event.table === 'job') jobs.set(event.id, event);
    if (event.table === 'graph_task') versions.set(event.id, [...(versions.get(event.id) ?? []), event]);
    if (event.table !== 'execution' || !enters(event, 'running')) continue;
    const { job_id: jobId } = event.after;
    // a change of its dependencies that was not committed yet is not seen by the claim
    const candidates = sight.candidates(versions.get(jobId) ?? [], event.transactionAt);
    const missing = candidates.map(({ after }) =>
      after.dependencies.filter((id) => jobs.get(id)?.after.state !== 'completed'),
    );
    if (missing.length === 0 || missing.some((ids) => ids.length === 0)) continue;
    violations.push({
      invariant: 'a task runs after what it depends on',
      message: `execution ${event.id} of job ${jobId} began before ${missing.at(-1)!.join(', ')} had completed`,
      jobIds: [jobId, ...missing.at(-1)!],
    });
  }
  return violations;
}

function checkCommands({ jobs, graphJobs, commands }: History): Violation[] {
  return jobs
    .filter(({ id, state, mark }) => graphJobs.has(id) && state === 'completed' && !commands[mark!]?.includes('done'))
    .map(({ id, mark }) => ({
      invariant: 'a task is finished once',
      message: `job ${id} is completed, but its command has written: ${commands[mark!]?.join(', ') ?? 'nothing'}`,
      jobIds: [id],
    }));
}

function checkWaits({ waits }: History): Violation[] {
  return waits
    .filter(({ unmet, edges, met }) => unmet !== edges || met > 0)
    .map(({ jobId, unmet, edges, met }) => ({
      invariant: 'a task runs after what it depends on',
      message: `job ${jobId} waits for ${unmet} by its count, for ${edges} by its edges, ${met} of which have completed`,
      jobIds: [jobId],
    }));
}
