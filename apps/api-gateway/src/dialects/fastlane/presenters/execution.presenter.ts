import { executionDetails, naiveUtc, statusOf } from '@task-engine/dto';
import type { LongText, RunView, WebhookTry } from '@task-engine/engine';
import { maskText } from '@task-engine/platform';
import type { Links } from '../links';
import { SEPARATOR } from '../vocabulary';
import { joined } from './joined';
import { redactHeaders } from './redaction';

/** An execution; of outputs that were too long, their ends behind a line that says where the whole is. */
export function presentExecution(run: RunView, url: string) {
  const { log, error, ...details } = describe(run, url);
  const tries = run.webhookTries.map((each) => presentTry(each, url));
  return {
    ...details,
    metadata: { ...details.metadata, ...(tries.length > 0 && { webhookDispatch: tries }) },
    log,
    error,
  };
}

/** GET of one execution. */
export function presentExecutionDetails(task: string, job: string, run: RunView, links: Links) {
  return {
    ...presentParents(task, job, links),
    execution: presentExecution(run, links.execution(task, job, run.uuid)),
  };
}

/** Answer to a stop. */
export function presentStoppedExecution(task: string, job: string, execution: string, links: Links) {
  return {
    ...presentParents(task, job, links),
    execution: { id: execution, url: links.execution(task, job, execution) },
  };
}

/** Statuses in which an execution's texts are empty: there is nothing final to tell. */
const UNTOLD: ReadonlySet<string> = new Set(['enqueued', 'pulling', 'running']);

/** One of the texts of an execution. */
export function presentText(run: RunView, which: 'stdout' | 'stderr' | 'logs'): string | LongText {
  if (UNTOLD.has(statusOf(run))) return '';
  const { log, error } = presentOutputs(run);
  if (which === 'logs') return joined([log, SEPARATOR, error]);
  return which === 'stdout' ? log : error;
}

/** What it wrote, and what there is to say of its end behind what it wrote to stderr. */
export function presentOutputs(run: RunView): Record<'log' | 'error', string | LongText> {
  const { log, error } = describe(run, '');
  return { log: log ?? '', error: error ?? '' };
}

/** Value of Fastlane-Exit-Code, and what a follower is told. */
export function presentExitCode({ exitCode }: Pick<RunView, 'exitCode'>): string {
  return exitCode === null ? 'None' : String(exitCode);
}

function presentParents(task: string, job: string, links: Links) {
  return { task: { id: task, url: links.task(task) }, job: { id: job, url: links.job(task, job) } };
}

/** The details of an execution whose outputs need not be at hand. */
function describe(run: RunView, url: string) {
  // as of one that has written nothing: `error` is what there is to say of its end then
  const details = executionDetails({ ...run, stdout: '', stderr: '' });
  const over = !UNTOLD.has(details.status);
  const output = (stream: 'stdout' | 'stderr') => {
    // the addresses of the outputs have nothing to tell before the end
    const whole = over ? `${url}${stream}/` : url;
    const omitted = run.omitted[stream];
    return omitted === 0
      ? [run[stream]]
      : [`[the first ${omitted} bytes are left out here; all of it: ${whole}]\n`, run[stream]];
  };
  const said = details.error ?? '';
  const [log, stderr] = [joined(output('stdout')), joined(output('stderr'))];
  return {
    ...details,
    log: details.log === null ? null : log,
    error: stderr === '' ? details.error : joined(said === '' ? [stderr] : [stderr, `\n${said}`]),
  };
}

/** Of one that was taken: what came back. Of one that was not: what was sent, and why. */
function presentTry({ at, url, status, error, request, answer }: WebhookTry, execution: string) {
  const head = { timestamp: naiveUtc(at), url: maskText(url) };
  if (error === null)
    return {
      ...head,
      statusCode: status ?? 200,
      body: answer?.body ?? '',
      headers: redactHeaders(answer?.headers ?? {}),
    };
  const { body, headers, omitted } = request;
  return {
    ...head,
    statusCode: status ?? 500,
    body: omitted === 0 ? body : `${body}[the other ${omitted} characters are left out here; all of it: ${execution}]`,
    headers: redactHeaders(headers),
    error,
  };
}
