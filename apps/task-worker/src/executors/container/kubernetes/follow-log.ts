import { HostUnreachable, type OutputTaker } from '../runtime';
import { StreamBroken } from '../docker/read-stream';
import type { ApiClient } from './api-client';
import { ApiRefusal } from './api-refusal';
import { LogPosition } from './log-position';
import type { LogStream } from './log-stream';
import { hasEnded } from './pod-state';
import type { KubernetesLimits } from './runtime-options';
import { pause } from './watch-pod';

/** So often a log is tried that cannot be read although its pod has ended: its node is gone, or has removed it. */
const TRIES_AFTER_END = 5;

const BAD_REQUEST = 400;
const NOT_FOUND = 404;

interface Following {
  readonly client: ApiClient;
  readonly pod: string;
  readonly position: LogPosition;
  readonly take: OutputTaker;
  readonly limits: KubernetesLimits;
  readonly signal: AbortSignal;
}

/** `none`: the pod is gone, and its log with it. `not now`: it cannot be read at present. */
type Outcome = 'ended' | 'broken' | 'none' | 'not now';

/**
 * Hands over a pod's log from its first byte, less `known`, until the pod has ended and nothing is left. All of it counts as stdout: Kubernetes
 * does not tell the two streams apart. A log that breaks off, or ends before its pod does, is opened again.
 * @throws HostUnreachable when the API does not answer; what `take` throws; the reason of the signal
 */
export async function followLog(
  client: ApiClient,
  pod: string,
  known: number,
  take: OutputTaker,
  limits: KubernetesLimits,
  signal: AbortSignal,
): Promise<void> {
  const following: Following = { client, pod, position: new LogPosition(known), take, limits, signal };
  let triesAfterEnd = 0;
  for (;;) {
    const outcome = await readOnce(following);
    if (outcome === 'none') return;
    if (outcome === 'ended' && (await endIsNoted(following))) return;
    // the log of an ended pod that broke off is there to be read again, if ever
    if (await hasPodEnded(following)) triesAfterEnd += 1;
    if (triesAfterEnd === TRIES_AFTER_END) return;
    await pause(limits.reopenSeconds * 1_000, signal);
  }
}

async function readOnce(following: Following): Promise<Outcome> {
  const { client, position, limits, signal } = following;
  const log = await openLog(following);
  if (typeof log === 'string') return log;
  const newOf = position.reading();
  let looksAfterEnd = 0;
  try {
    const outcome = await client.readLog(
      log,
      {
        signals: [signal],
        quietMs: limits.quietSeconds * 1_000,
        onQuiet: async () => {
          // the first look may fall between the pod's end and that of its log
          looksAfterEnd = (await hasPodEnded(following)) ? looksAfterEnd + 1 : 0;
          return looksAfterEnd > 1 ? 'over' : 'go on';
        },
      },
      async (chunk) => {
        looksAfterEnd = 0;
        for (const bytes of newOf(chunk)) await following.take('stdout', bytes);
      },
    );
    // it hangs although the pod has ended: what it did not say is read again
    return outcome === 'over' ? 'broken' : 'ended';
  } catch (error) {
    if (error instanceof StreamBroken) return 'broken';
    throw error;
  }
}

async function openLog({ client, pod, signal }: Following): Promise<LogStream | 'none' | 'not now'> {
  try {
    return await client.openLog(pod, signal);
  } catch (error) {
    // The API cannot reach the node, or nobody can reach the API: the next request will tell.
    if (error instanceof HostUnreachable) return 'not now';
    if (!(error instanceof ApiRefusal)) throw error;
    if (error.status === NOT_FOUND) return 'none';
    // the container waits to be started, or was never
    if (error.status === BAD_REQUEST) return 'not now';
    throw error;
  }
}

/** A log ends with its command, and the pod's status follows within a second or two. */
async function endIsNoted(following: Following): Promise<boolean> {
  const deadline = Date.now() + following.limits.endNotedSeconds * 1_000;
  for (let wait = 50; ; wait *= 2) {
    if (await hasPodEnded(following)) return true;
    const left = deadline - Date.now();
    if (left <= 0) return false;
    await pause(Math.min(wait, left), following.signal);
  }
}

async function hasPodEnded({ client, pod, signal }: Following): Promise<boolean> {
  const found = await client.readPod(pod, signal);
  return !found || hasEnded(found, false);
}
