import type { History, Operation, RowEvent, Violation } from './history';

/** Violations that are written out; the rest is counted. */
const SHOWN = 12;
/** Lines of one job's history. */
const LINES = 60;

/** What a person wants to read of violations: seed, invariant, and the history of the jobs concerned. */
export function describeViolations(history: History, violations: Violation[]): string {
  const counts = new Map<string, number>();
  for (const { invariant } of violations) counts.set(invariant, (counts.get(invariant) ?? 0) + 1);
  const summary = [...counts].map(([invariant, count]) => `  ${count} x ${invariant}`);
  const shown = violations.slice(0, SHOWN).map((violation) => describeViolation(history, violation));
  const more = violations.length > SHOWN ? [`... and ${violations.length - SHOWN} more`] : [];
  return [`Seed ${history.seed}: ${violations.length} violations`, ...summary, ...shown, ...more].join('\n');
}

function describeViolation(history: History, { invariant, message, jobIds }: Violation): string {
  const lines = jobIds.slice(0, 3).flatMap((jobId) => [`  job ${jobId}`, ...linesOf(history, jobId)]);
  return [`\n${invariant}: ${message}`, ...lines].join('\n');
}

/** What happened to a job: its requests, its rows, its callbacks, and the faults meanwhile. */
function linesOf(history: History, jobId: string): string[] {
  const mark = history.jobs.find((job) => job.id === jobId)?.mark;
  const lines: { at: number; text: string }[] = [];
  for (const { operation, sentAt, answeredAt, status, text, id } of history.requests) {
    const concerns =
      'jobId' in operation
        ? operation.jobId === jobId
        : operation.kind === 'submit' && operation.submission.mark === mark;
    if (!concerns && id !== jobId) continue;
    const answer = status === 0 ? `no answer (${text})` : `${status} ${status < 300 ? '' : text}`;
    lines.push({
      at: sentAt,
      text: `request ${describeOperation(operation)} -> ${answer} after ${answeredAt - sentAt} ms`,
    });
  }
  const messages = new Set<string>();
  for (const event of history.events) {
    const owner = event.table === 'job' ? event.id : 'job_id' in event.after ? event.after.job_id : undefined;
    if (owner !== jobId) continue;
    if (event.table === 'delivery') messages.add(event.after.message_id);
    lines.push({ at: event.at, text: describeEvent(event) });
  }
  for (const { at, messageId, url, status } of history.arrivals)
    if (messages.has(messageId)) lines.push({ at, text: `arrival ${messageId} at ${url}, answered ${status}` });
  if (lines.length === 0) return ['    (nothing is known of it)'];
  lines.sort((one, other) => one.at - other.at);
  const [from, to] = [lines[0]!.at, lines.at(-1)!.at];
  for (const fault of history.faults)
    if (fault.at >= from && fault.at <= to) lines.push({ at: fault.at, text: `FAULT ${fault.text}` });
  lines.sort((one, other) => one.at - other.at);
  const cut = lines.length > LINES ? [`    ... ${lines.length - LINES} more`] : [];
  return [...lines.slice(0, LINES).map(({ at, text }) => `    ${time(at)} ${text}`), ...cut];
}

export function describeOperation(operation: Operation): string {
  switch (operation.kind) {
    case 'submit': {
      const { mark, workflow, priority, runAt, semaphoreUrl } = operation.submission;
      const more = [runAt && `run_at ${time(runAt)}`, semaphoreUrl].filter(Boolean).join(', ');
      return `submit ${mark} ${workflow} priority ${priority}${more && `, ${more}`}`;
    }
    case 'setting':
      return `${operation.name} = ${operation.value}`;
    case 'push':
      return 'push_jobs';
    case 'priority':
      return `priority = ${operation.value}`;
    case 'run_at':
      return `run_at = ${time(operation.at)}`;
    case 'depend':
      return `depends on ${operation.on.join(', ') || 'nothing'}`;
    case 'semaphore':
      return `semaphore_url = ${operation.url}`;
    default:
      return operation.kind;
  }
}

/** `task 7: queued > started, tries 0 > 1`. */
function describeEvent({ table, id, before, after, xid }: RowEvent): string {
  const was = (before ?? {}) as Record<string, unknown>;
  const changes = Object.entries(after as object)
    .filter(([name, value]) => value !== was[name] && name !== 'body_hash')
    .map(([name, value]) => (before ? `${name} ${show(was[name])} > ${show(value)}` : `${name} ${show(value)}`));
  return `${table} ${id} (transaction ${xid}): ${changes.join(', ')}`;
}

const show = (value: unknown) =>
  typeof value === 'number' && value > 1e12 ? time(value) : value === null ? 'null' : String(value);

const time = (at: number) => new Date(at).toISOString().slice(11, 23);
