import {
  DELIVERY_TRANSITIONS,
  EXECUTION_TRANSITIONS,
  FINAL_JOB_STATES,
  GRAPH_JOB_TRANSITIONS,
  JOB_TRANSITIONS,
  TASK_TRANSITIONS,
} from '@task-engine/domain';
import type { History, Violation } from '../history';
import { enters, eventsOf, groupBy, leaves, rowsOf } from './timeline';

/** Allowed changes, and the states in which a row may be written first. */
const LIFE_CYCLES = {
  job: { transitions: JOB_TRANSITIONS, first: ['pending', 'scheduled', 'queued'] },
  task: { transitions: TASK_TRANSITIONS, first: ['waiting', 'queued', 'skipped', 'failed'] },
  execution: { transitions: EXECUTION_TRANSITIONS, first: ['queued'] },
  delivery: { transitions: DELIVERY_TRANSITIONS, first: ['pending'] },
} as const;

/** What graph tasks may do besides: one that has failed is tried again by hand. */
const OF_GRAPHS: Record<string, Partial<Record<string, readonly string[]>>> = {
  job: GRAPH_JOB_TRANSITIONS,
  task: { failed: ['queued'] },
};

/** Every change of a state is one of the table of transitions and starts where the one before it ended. */
export function checkStates(history: History): Violation[] {
  const violations: Violation[] = [];
  for (const table of ['job', 'task', 'execution', 'delivery'] as const) {
    const { transitions, first } = LIFE_CYCLES[table];
    for (const [id, events] of rowsOf(history, table)) {
      let state: string | null = null;
      for (const { before, after } of events) {
        const from: string | null = before?.state ?? null;
        const jobIds = ['job_id' in after ? after.job_id : id];
        const besides = (history.graphJobs.has(jobIds[0]!) && OF_GRAPHS[table]?.[from ?? '']) || [];
        const usual: readonly string[] = from === null ? first : transitions[from as keyof typeof transitions];
        const allowed = [...usual, ...besides];
        if (from !== state) {
          const message = `${table} ${id} was ${state ?? 'not there'}, yet a change found it ${from ?? 'not there'}`;
          violations.push({ invariant: 'a state changes only as allowed', message, jobIds });
        } else if (from !== after.state && !allowed.includes(after.state)) {
          const late = table === 'execution' && from !== 'queued' && from !== 'running';
          violations.push({
            invariant: late ? 'a stale report changes nothing' : 'a state changes only as allowed',
            message: `${table} ${id} went from ${from ?? 'nothing'} to ${after.state}`,
            jobIds,
          });
        }
        state = after.state;
      }
    }
  }
  return violations;
}

/** Every job ends, once: completed or failed at most once (a graph task that is tried again once more), and after `broken` nothing. To be asked when all is drained. */
export function checkEnds(history: History): Violation[] {
  const violations: Violation[] = [];
  const finals: readonly string[] = FINAL_JOB_STATES;
  for (const [id, events] of rowsOf(history, 'job')) {
    const ends = events.filter(({ before, after }) => before?.state !== after.state && finals.includes(after.state));
    const states = ends.map(({ after }) => after.state);
    const done = states.filter((state) => state !== 'broken');
    const report = (message: string) =>
      violations.push({ invariant: 'a job ends once', message: `job ${id} ${message}`, jobIds: [id] });
    const again = history.graphJobs.has(id)
      ? events.filter((event) => leaves(event, 'failed') && enters(event, 'queued'))
      : [];
    if (done.length > 1 + again.length || states.length > done.length + 1)
      report(`ended several times: ${states.join(', ')}`);
    const { state } = events.at(-1)!.after;
    const waits = history.jobs.find((job) => job.id === id)?.waitReason;
    if (!finals.includes(state)) report(`never ended: it is ${state}${waits ? ` (${waits})` : ''}`);
  }
  return violations;
}

/** The engine's own history (job_transition) has each change of a job's state once, in order. */
export function checkOwnHistory(history: History): Violation[] {
  const told = groupBy(history.transitions, ({ jobId }) => jobId);
  const happened = groupBy(
    eventsOf(history, 'job').filter(({ before, after }) => before?.state !== after.state),
    ({ id }) => id,
  );
  return [...new Set([...told.keys(), ...happened.keys()])].flatMap((id) => {
    const says = (told.get(id) ?? []).map(({ from, to }) => `${from ?? 'nothing'} > ${to}`).join(', ');
    const is = (happened.get(id) ?? [])
      .map(({ before, after }) => `${before?.state ?? 'nothing'} > ${after.state}`)
      .join(', ');
    if (says === is) return [];
    const message = `job ${id} went ${is}, its history says ${says}`;
    return [{ invariant: 'the history tells what happened', message, jobIds: [id] } satisfies Violation];
  });
}
