import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { type Exit } from '../runtime';
import type { ApiClient } from './api-client';
import { runIdOf } from './job-manifest';
import { exitOf, exitOfJob, hasEnded, isBeingDeleted } from './pod-state';
import type { KubernetesLimits } from './runtime-options';
import { watchPod } from './watch-pod';

const VANISHED: Exit = {
  exitCode: null,
  error: 'Job failed since container could not be found in kubernetes host.',
};

/** The last that is known of a pod; without one, of its Job. */
export interface Ending {
  readonly pod?: V1Pod;
  readonly job?: V1Job;
}

/**
 * Waits until a pod has ended. It is watched, not asked now and then: a pod that is deleted shows its exit code for less than a second before it
 * is gone, and the watch has it even then.
 * @param pod its name
 * @throws HostUnreachable, ApiRefusal, or the reason of the signal
 */
export async function waitForEnd(
  client: ApiClient,
  pod: string,
  limits: KubernetesLimits,
  signal: AbortSignal,
): Promise<Ending> {
  let last: V1Pod | undefined;
  return watchPod<Ending>(client, { name: pod }, signal, {
    glance: (sighting) => {
      last = sighting.pod;
      return hasEnded(sighting.pod, sighting.gone) ? { pod: sighting.pod } : undefined;
    },
    ponder: async (found) => {
      if (found) return undefined;
      // gone between two watches
      const job = await jobOf(client, pod, signal);
      return { ...(last && { pod: last }), ...(job && { job }) };
    },
    seconds: () => limits.watchSeconds,
  });
}

/** @param stopped whether we have deleted the pod */
export async function exitAt(
  client: ApiClient,
  pod: string,
  ending: Ending,
  stopped: boolean,
  signal: AbortSignal,
): Promise<Exit> {
  if (!ending.pod) return (ending.job && exitOfJob(ending.job)) ?? VANISHED;
  // who deletes a pod may be its Job, which says why
  const asked = isBeingDeleted(ending.pod) && !stopped && !ending.job;
  const job = asked ? await jobOf(client, pod, signal) : ending.job;
  // the pod was not seen again after its command had ended well, but its Job has counted it
  if (!hasEnded(ending.pod, false) && job && exitOfJob(job)?.exitCode === 0) return { exitCode: 0 };
  return exitOf(ending.pod, stopped, job);
}

async function jobOf(client: ApiClient, pod: string, signal: AbortSignal): Promise<V1Job | undefined> {
  const runId = runIdOf(pod);
  return runId === undefined ? undefined : client.readJob(runId, signal);
}
