import { naiveUtc } from '@task-engine/dto';
import type { CommandView, RunEventName, RunView, Webhook } from '@task-engine/engine';
import { maskText } from '@task-engine/platform';
import type { Links } from '../links';
import { DOCUMENTED_EVENTS } from '../vocabulary';
import { presentExecution } from './execution.presenter';
import { redactHeaders, redactVariables } from './redaction';

/** GET of a job, with a page of its executions. */
export function presentJobDetails(command: CommandView, runs: RunView[], links: Links, hiddenWords: readonly string[]) {
  const { group, uuid } = command;
  return {
    task: { id: group, url: links.task(group) },
    job: {
      taskId: group,
      ...presentJob(command, hiddenWords),
      executions: runs.map((run) => {
        const url = links.execution(group, uuid, run.uuid);
        return { ...presentExecution(run, url), url };
      }),
    },
  };
}

/** A job with a cron rule as the farm's status shows it. */
export function presentScheduledJob(command: CommandView, links: Links, hiddenWords: readonly string[]) {
  const { group, uuid } = command;
  return {
    ...presentJob(command, hiddenWords),
    nextScheduledAt: command.nextAt && naiveUtc(command.nextAt),
    url: links.job(group, uuid),
    stopUrl: links.stop(group, uuid),
    task: { id: group, url: links.task(group) },
  };
}

/** Answer to a stop and a retry. */
export function presentJobSummary(task: string, job: string, links: Links) {
  return { taskId: task, jobId: job, jobUrl: links.job(task, job), taskUrl: links.task(task) };
}

/** Answer to an enqueue. */
export function presentEnqueued(
  task: string,
  { uuid, runUuid, queueId }: { uuid: string; runUuid: string | null; queueId: string },
  links: Links,
) {
  return {
    ...presentJobSummary(task, uuid, links),
    queueJobId: queueId,
    executionId: runUuid,
    executionUrl: runUuid === null ? null : links.execution(task, uuid, runUuid),
  };
}

function presentJob(command: CommandView, hiddenWords: readonly string[]) {
  return {
    image: command.image,
    command: command.command,
    createdAt: naiveUtc(command.createdAt),
    lastModifiedAt: naiveUtc(command.updatedAt),
    scheduled: command.scheduled,
    executionCount: command.runCount,
    requestIPAddress: command.requestedFrom,
    metadata: presentMetadata(command, hiddenWords),
  };
}

/** Keys that the documents know, and behind them what was asked for beyond them, under the names of the payload. */
function presentMetadata({ request, queueId, retryCount }: CommandView, hiddenWords: readonly string[]) {
  const { custom, expiration, cron, timezone, memoryBytes, cpus, keptRuns, retryPull } = request;
  return {
    enqueued_id: queueId,
    envs: redactVariables(request.environment, hiddenWords),
    additional_dns_entries: request.extraHosts,
    retries: request.retries,
    retry_count: retryCount,
    timeout: request.timeoutSeconds,
    notify: byEvent(request.notify, (address) => address),
    webhooks: byEvent(request.webhooks, presentWebhook),
    ...(Object.keys(custom).length > 0 && { custom }),
    ...(expiration && { expiration: expiration.getTime() / 1000 }),
    ...(cron !== null && { cron, ...(timezone !== null && timezone !== 'UTC' && { timezone }) }),
    ...(memoryBytes !== null && { memory: memoryBytes }),
    ...(cpus !== null && { cpus }),
    ...(keptRuns !== null && { maxKeptExecutions: keptRuns }),
    ...(retryPull && { retryOnPullFailure: true }),
  };
}

function presentWebhook({ url, headers, retries }: Webhook) {
  return { url: maskText(url), headers: redactHeaders(headers), retries };
}

function byEvent<Entry, Shown>(lists: Record<RunEventName, Entry[]>, present: (entry: Entry) => Shown) {
  const documented = DOCUMENTED_EVENTS.map((event) => [event, lists[event].map(present)] as const);
  return {
    ...(Object.fromEntries(documented) as Record<(typeof DOCUMENTED_EVENTS)[number], Shown[]>),
    ...(lists.starts.length > 0 && { starts: lists.starts.map(present) }),
  };
}
