import type { V1ContainerState, V1Job, V1Pod } from '@kubernetes/client-node';
import type { Exit } from '../runtime';
import { CONTAINER } from './job-manifest';

/** How far a pod has come on its way to a running command. */
export type Startup =
  /** It runs, or has run. */
  | { readonly is: 'started' }
  /** `scheduled`: it has a node, and its image is being pulled. `why`: what it says it waits for. */
  | { readonly is: 'waiting'; readonly scheduled: boolean; readonly why?: string }
  /** `forGood`: another try would say the same. */
  | { readonly is: 'without image'; readonly message: string; readonly forGood: boolean }
  | { readonly is: 'failed'; readonly message: string; readonly exitCode: 126 | 127 | null };

/** Reasons of a waiting container, as the kubelet has them. */
const NO_IMAGE = [
  'ErrImagePull',
  'ImagePullBackOff',
  'RegistryUnavailable',
  'ImageInspectError',
  'SignatureValidationFailed',
];
const NO_IMAGE_FOR_GOOD = ['InvalidImageName', 'ErrImageNeverPull'];
const NO_START = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'PreCreateHookError',
  'PreStartHookError',
  'RunContainerError',
];
/** Of a container that ended before its command ran: containerd's, and that of older runtimes. */
const NEVER_RAN = ['StartError', 'ContainerCannotRun'];
/** The kubelet lost sight of a container and made its exit code up. */
const CODE_UNKNOWN = 'ContainerStatusUnknown';

/** What registries say of an image that will not be there in a moment either. `no such host`, a timeout or too many requests may pass. */
const PULL_REFUSED =
  /manifest unknown|manifest .* not found|: not found|does not exist|access denied|unauthorized|authentication required|403 forbidden/i;

/** A node that does not say so many milliseconds after a pod must have ended is gone. Covers clocks that differ, too. */
const NODE_SILENT_MS = 60_000;

export function startupOf(pod: V1Pod): Startup {
  const { running, terminated, waiting } = stateOf(pod);
  if (running) return { is: 'started' };
  if (terminated) {
    if (!NEVER_RAN.includes(terminated.reason ?? '')) return { is: 'started' };
    return failed(terminated.reason, terminated.message);
  }
  const { phase, reason, message } = pod.status ?? {};
  if (phase === 'Succeeded') return { is: 'started' };
  // a node that does not take it after all: no room, another kind of machine
  if (phase === 'Failed') return failed(reason, message);
  const why = waiting?.reason ?? '';
  if (NO_IMAGE_FOR_GOOD.includes(why)) {
    return { is: 'without image', message: worded(why, waiting?.message), forGood: true };
  }
  if (NO_IMAGE.includes(why)) {
    const said = worded(why, waiting?.message);
    return { is: 'without image', message: said, forGood: PULL_REFUSED.test(said) };
  }
  if (NO_START.includes(why)) return failed(why, waiting?.message);
  const scheduled = pod.spec?.nodeName !== undefined;
  const hindrance = scheduled ? undefined : conditionOf(pod, 'PodScheduled', 'False');
  return { is: 'waiting', scheduled, ...(hindrance && { why: worded(hindrance.reason, hindrance.message) }) };
}

/** Whether the command is known to have ended, or nobody will ever know more. `gone`: the API has no such pod any more. */
export function hasEnded(pod: V1Pod, gone: boolean): boolean {
  const { phase } = pod.status ?? {};
  return gone || stateOf(pod).terminated !== undefined || phase === 'Failed' || phase === 'Succeeded' || isLost(pod);
}

/**
 * How an ended pod (`hasEnded`) came to its end.
 * @param stopped we have deleted it: then that is no news
 * @param job what the Job says of its end, when it could be read
 */
export function exitOf(pod: V1Pod, stopped: boolean, job?: V1Job): Exit {
  const { terminated } = stateOf(pod);
  if (terminated && NEVER_RAN.includes(terminated.reason ?? '')) return neverRan(terminated.reason, terminated.message);
  const known = terminated && terminated.reason !== CODE_UNKNOWN ? terminated.exitCode : undefined;
  const exitCode = known ?? (pod.status?.phase === 'Succeeded' ? 0 : null);
  if (exitCode === 0) return { exitCode };
  const error = outOfMemory(pod) ?? doneByCluster(pod, job) ?? deletion(pod, stopped, exitCode);
  if (error !== undefined) return { exitCode, error };
  return exitCode === null ? { exitCode, error: unknownEnd(pod) } : { exitCode };
}

/** How a Job ended whose pod is gone. Undefined while it has not. */
export function exitOfJob(job: V1Job): Exit | undefined {
  if ((job.status?.succeeded ?? 0) > 0) return { exitCode: 0 };
  const failure = failureOfJob(job);
  if (failure === undefined) return undefined;
  return { exitCode: null, error: `The pod of the job is gone. ${failure}` };
}

/** What a Job says of its failure. */
export function failureOfJob(job: V1Job): string | undefined {
  const condition = job.status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
  return condition && worded(condition.reason, condition.message);
}

/** A pod that Kubernetes takes away: asked to end, by whomever. */
export function isBeingDeleted(pod: V1Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

/** `reason: message`, whichever there is. */
export function worded(reason: string | undefined, message: string | undefined): string {
  return [reason, message].filter(Boolean).join(': ');
}

function stateOf(pod: V1Pod): V1ContainerState {
  return pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state ?? {};
}

function failed(reason: string | undefined, message: string | undefined): Startup {
  const said = worded(reason, message) || 'The pod failed before its command ran.';
  return { is: 'failed', message: said, exitCode: shellExitCode(said) };
}

function neverRan(reason: string | undefined, message: string | undefined): Exit {
  const error = worded(reason, message);
  return { exitCode: shellExitCode(error), error };
}

/** As a shell says it. Runtimes answer 128, or whatever, and the cause in words. */
function shellExitCode(message: string): 126 | 127 | null {
  if (!/exec|container process/i.test(message)) return null;
  if (/permission denied|is a directory|exec format error/i.test(message)) return 126;
  return /not found|no such file or directory/i.test(message) ? 127 : null;
}

function outOfMemory(pod: V1Pod): string | undefined {
  if (stateOf(pod).terminated?.reason !== 'OOMKilled') return undefined;
  const limit = pod.spec?.containers.find(({ name }) => name === CONTAINER)?.resources?.limits?.memory;
  const bytes = limit === undefined ? undefined : bytesOf(limit);
  return `Killed: out of memory${bytes === undefined ? '' : ` (limit ${bytes} bytes)`}`;
}

/** Evicted, its node shut down, its time over. */
function doneByCluster(pod: V1Pod, job: V1Job | undefined): string | undefined {
  const { reason, message } = pod.status ?? {};
  if (reason) return worded(reason, message);
  const disruption = conditionOf(pod, 'DisruptionTarget', 'True');
  if (disruption) return worded(disruption.reason, disruption.message);
  const deadline = job?.status?.conditions?.find((condition) => condition.reason === 'DeadlineExceeded');
  return deadline && worded(deadline.reason, deadline.message);
}

function deletion(pod: V1Pod, stopped: boolean, exitCode: number | null): string | undefined {
  const phase = pod.status?.phase;
  const vanished = exitCode === null && phase !== 'Failed' && phase !== 'Succeeded';
  if (!isBeingDeleted(pod) && !vanished) return undefined;
  if (exitCode === null && isLost(pod)) {
    return `The pod was deleted, and its node ${pod.spec?.nodeName ?? ''} does not answer.`;
  }
  if (stopped)
    return exitCode === null ? 'The pod was stopped, and gone before its exit code could be read.' : undefined;
  return 'The pod was deleted.';
}

function unknownEnd(pod: V1Pod): string {
  const { terminated } = stateOf(pod);
  return worded(terminated?.reason, terminated?.message) || 'The pod ended, and nothing says how.';
}

/** Its node should have ended it and does not say so: there may be nobody any more who could. */
function isLost(pod: V1Pod): boolean {
  const due = pod.metadata?.deletionTimestamp;
  // a watch answers it as text, whatever its type says
  return due !== undefined && Date.now() > new Date(due).getTime() + NODE_SILENT_MS;
}

function conditionOf(pod: V1Pod, type: string, status: 'True' | 'False') {
  return pod.status?.conditions?.find((condition) => condition.type === type && condition.status === status);
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** Of a quantity as the API writes it, in its own way whatever way it was given: 128000000 comes back as `128M`. */
function bytesOf(quantity: string): number | undefined {
  const [, digits, unit] = /^([0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(quantity) ?? [];
  const factor = UNITS[unit ?? ''];
  return digits === undefined || factor === undefined ? undefined : Math.round(Number(digits) * factor);
}
