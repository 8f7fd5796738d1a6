import type { RunState } from '@task-engine/domain';
import { naiveUtc } from './naive-utc';

/** What fastlane shows of an execution, in answers and in webhooks. */
export interface ShownRun {
  uuid: string;
  state: RunState;
  stopRequested: boolean;
  image: string;
  command: string;
  requestedFrom: string | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  exitCode: number | null;
  error: string | null;
  place: { host: string; port: number; containerId: string } | null;
  stdout: string;
  stderr: string;
}

/** Status of an execution (reference/fastlane.md 3.2). */
const STATUS = {
  waiting: 'enqueued',
  pulling: 'pulling',
  running: 'running',
  succeeded: 'done',
  failed: 'failed',
  timed_out: 'timedout',
  expired: 'expired',
} as const satisfies Record<RunState, string>;

const STOPPED = 'User stopped job execution manually.';

/** One that its client has stopped has failed, whatever its command still does (section 10). */
export function statusOf({ state, stopRequested }: Pick<ShownRun, 'state' | 'stopRequested'>): string {
  return STATUS[
    stopRequested && (state === 'waiting' || state === 'pulling' || state === 'running') ? 'failed' : state
  ];
}

/** Text of `error`: what the command wrote to stderr, then what the engine has to say of its end. */
export function errorOf({
  stderr,
  error,
  stopRequested,
}: Pick<ShownRun, 'stderr' | 'error' | 'stopRequested'>): string {
  const words = [error, stopRequested && error !== STOPPED ? STOPPED : null].filter((text) => text !== null);
  return words.reduce((text, word) => (text === '' ? word : `${text}\n${word}`), stderr);
}

/** ExecutionDetails (reference/fastlane.md 1.8) without `webhookDispatch`. `log` is null unless it has started, `error` too unless there is something to say. */
export function executionDetails(run: ShownRun) {
  const { place } = run;
  const begun = run.startedAt !== null;
  return {
    executionId: run.uuid,
    createdAt: naiveUtc(run.createdAt),
    requestIPAddress: run.requestedFrom,
    startedAt: run.startedAt && naiveUtc(run.startedAt),
    finishedAt: run.finishedAt && naiveUtc(run.finishedAt),
    image: run.image,
    command: run.command,
    metadata: place
      ? { docker_host: place.host, docker_port: place.port, container_id: place.containerId }
      : ({} as Record<string, never>),
    status: statusOf(run),
    exitCode: run.exitCode,
    log: begun ? run.stdout : null,
    error: errorOf(run) || (begun ? '' : null),
  };
}
