import { setTimeout as delay } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { ApiClient, PodSelector, Sighting } from './api-client';

/** At least so many milliseconds between two looks, when watches end early. */
const PAUSE_MS = 500;

export interface PodLook<T> {
  /** At every change, and with each look of its own: what the pod says by itself. */
  glance(sighting: Sighting): T | undefined;
  /** With each look of its own, when that says nothing: there is no pod, or it has not changed. */
  ponder(pod: V1Pod | undefined): Promise<T | undefined>;
  /** Seconds until the next look of its own. */
  seconds(): number;
}

/**
 * Looks at a pod, now, at each change, and every so often, until one of the looks answers something.
 * @throws HostUnreachable, ApiRefusal, what the looks throw, or the reason of the signal
 */
export async function watchPod<T>(
  client: ApiClient,
  selector: PodSelector,
  signal: AbortSignal,
  look: PodLook<T>,
): Promise<T> {
  const GONE = Symbol('gone');
  for (;;) {
    const begun = Date.now();
    const { pods, version } = await client.pods(selector, signal);
    // a Job has one; when Kubernetes made a second in spite of all, the first is the run's
    const pod = pods[0];
    const answer = (pod && look.glance({ pod, gone: false })) ?? (await look.ponder(pod));
    if (answer !== undefined) return answer;
    const watch = { version, seconds: look.seconds(), signal };
    const seen = await client.watchPods<T | typeof GONE>(selector, watch, (sighting) => {
      return look.glance(sighting) ?? (sighting.gone ? GONE : undefined);
    });
    if (seen !== undefined && seen !== GONE) return seen;
    signal.throwIfAborted();
    await pause(Math.min(PAUSE_MS, watch.seconds * 1_000) - (Date.now() - begun), signal);
  }
}

/** @throws the reason of the signal */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0) await delay(milliseconds, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}
