import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { OutputStream } from '@task-engine/domain';
import type { OutputTaker } from '../runtime';
import type { Container } from './container';
import { dropsNewlines } from './container-settings';
import { EngineRefusal } from './engine-connection';
import { OutputFrames } from './output-frames';
import type { RuntimeLimits } from './runtime-options';

/** Above so many bytes the log is not read a second time for what following has missed: the engine keeps 16 MB of a run. */
const CHECKED_BYTES = 64 * 1024 * 1024;

/** An engine that closes a log before it notes the container's end does so within milliseconds. */
const END_NOTED_MS = 2000;
const END_POLL_MS = 50;

interface Following {
  readonly container: Container;
  readonly tty: boolean;
  readonly restoreNewlines: boolean;
  /** Bytes of each stream that were known from the start or have been handed over. */
  readonly known: Record<OutputStream, number>;
  readonly take: OutputTaker;
  readonly limits: RuntimeLimits;
  readonly signal: AbortSignal;
}

/**
 * Hands over a container's log from its first byte, less what is known, until the container has ended and nothing is left. The log is read, the
 * container not attached to: a log has everything whoever was listening, and a slow taker makes neither the command wait nor the engine keep
 * output in memory.
 * @throws HostUnreachable; what `take` throws; the reason of the signal
 */
export async function followOutput(
  container: Container,
  skip: Readonly<Record<OutputStream, number>>,
  take: OutputTaker,
  limits: RuntimeLimits,
  signal: AbortSignal,
): Promise<void> {
  const found = await container.inspect({ signal });
  // With a container its log is gone.
  if (!found) return;
  const facts = await container.engine.facts({ seconds: limits.requestSeconds, signal });
  const following: Following = {
    container,
    tty: found.Config.Tty,
    restoreNewlines: dropsNewlines(facts, found.HostConfig.LogConfig?.Type),
    known: { stdout: skip.stdout, stderr: skip.stderr },
    take,
    limits,
    signal,
  };
  if (found.State.Running) {
    await readLog(following, true);
    if (!(await ended(following))) {
      throw container.engine.unreachable(new Error('the log ended before the container did'));
    }
    if (following.known.stdout + following.known.stderr > CHECKED_BYTES) return;
  }
  // Following may stop short of the end: engines before 23 leave out a last line that has no newline.
  await readLog(following, false);
}

/** @param follow waits for what is still to come */
async function readLog(following: Following, follow: boolean): Promise<void> {
  const { container, limits, signal } = following;
  const stream = await openLog(following, follow);
  if (!stream) return;
  const frames = new OutputFrames({ restoreNewlines: following.restoreNewlines });
  /** Bytes of each stream up to where it is read now. */
  const position = { stdout: 0, stderr: 0 };
  let looksAfterEnd = 0;
  const outcome = await container.engine.read(
    stream,
    {
      signals: [signal],
      quietMs: limits.quietSeconds * 1000,
      onQuiet: async () => {
        const running = await isRunning(following);
        // The first look may fall between the container's end and that of its log.
        looksAfterEnd = running ? 0 : looksAfterEnd + 1;
        return looksAfterEnd > 1 ? 'over' : 'go on';
      },
    },
    async (chunk) => {
      looksAfterEnd = 0;
      const parts = following.tty ? [{ stream: 'stdout' as const, bytes: chunk }] : frames.push(chunk);
      for (const part of parts) await handOver(following, position, part.stream, part.bytes);
    },
  );
  if (outcome === 'ended' && !frames.complete) throw container.engine.unreachable(new Error('the log broke off'));
}

async function handOver(
  { known, take }: Following,
  position: Record<OutputStream, number>,
  stream: OutputStream,
  bytes: Buffer,
): Promise<void> {
  const skipped = Math.max(0, known[stream] - position[stream]);
  position[stream] += bytes.length;
  if (skipped >= bytes.length) return;
  await take(stream, bytes.subarray(skipped));
  known[stream] = position[stream];
}

/** Undefined when the container, and with it the log, is gone. */
async function openLog(
  { container, limits, signal }: Following,
  follow: boolean,
): Promise<IncomingMessage | undefined> {
  try {
    return await container.engine.open(
      { seconds: limits.requestSeconds, signal },
      { method: 'GET', path: `/containers/${container.id}/logs`, query: { follow, stdout: true, stderr: true } },
    );
  } catch (error) {
    if (!(error instanceof EngineRefusal)) throw error;
    if (error.status === 404) return undefined;
    throw container.engine.unreachable(error);
  }
}

async function ended(following: Following): Promise<boolean> {
  const deadline = Date.now() + END_NOTED_MS;
  while (await isRunning(following)) {
    if (Date.now() > deadline) return false;
    await delay(END_POLL_MS, undefined, { signal: following.signal }).catch(() => following.signal.throwIfAborted());
  }
  return true;
}

/** A look that is not counted against the host: the call that comes after it will be. */
async function isRunning({ container, limits, signal }: Following): Promise<boolean> {
  const found = await container.inspect({ seconds: limits.requestSeconds, signal, counts: false });
  return found?.State.Running ?? false;
}
