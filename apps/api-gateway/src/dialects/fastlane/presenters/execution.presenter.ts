import { executionDetails, naiveUtc, statusOf } from '@task-engine/dto';
import type { RunView, WebhookTry } from '@task-engine/engine';
import { maskText } from '@task-engine/platform';
import type { Links } from '../links';
import { SEPARATOR } from '../vocabulary';
import { redactHeaders } from './redaction';

/** An execution in whole. */
export function presentExecution(run: RunView) {
  const details = executionDetails(run);
  const tries = run.webhookTries.map(presentTry);
  return { ...details, metadata: { ...details.metadata, ...(tries.length > 0 && { webhookDispatch: tries }) } };
}

/** GET of one execution. */
export function presentExecutionDetails(task: string, job: string, run: RunView, links: Links) {
  return { ...presentParents(task, job, links), execution: presentExecution(run) };
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
export function presentText(run: RunView, which: 'stdout' | 'stderr' | 'logs'): string {
  if (UNTOLD.has(statusOf(run))) return '';
  const { log, error } = executionDetails(run);
  if (which === 'logs') return (log ?? '') + SEPARATOR + (error ?? '');
  return (which === 'stdout' ? log : error) ?? '';
}

/** Value of Fastlane-Exit-Code, and what a follower is told. */
export function presentExitCode({ exitCode }: Pick<RunView, 'exitCode'>): string {
  return exitCode === null ? 'None' : String(exitCode);
}

function presentParents(task: string, job: string, links: Links) {
  return { task: { id: task, url: links.task(task) }, job: { id: job, url: links.job(task, job) } };
}

/** Of one that was taken: what came back. Of one that was not: what was sent, and why. */
function presentTry({ at, url, status, error, request, answer }: WebhookTry) {
  const head = { timestamp: naiveUtc(at), url: maskText(url) };
  if (error === null)
    return {
      ...head,
      statusCode: status ?? 200,
      body: answer?.body ?? '',
      headers: redactHeaders(answer?.headers ?? {}),
    };
  return { ...head, statusCode: status ?? 500, body: request.body, headers: redactHeaders(request.headers), error };
}
