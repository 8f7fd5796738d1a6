import type { ContainerInspectInfo } from 'dockerode';
import type { Exit } from '../runtime';
import type { Container } from './container';
import { EngineRefusal } from './engine-connection';
import type { RuntimeLimits } from './runtime-options';

const VANISHED: Exit = {
  exitCode: null,
  error: 'Job failed since container could not be found in docker host.',
};

/** 128 + SIGKILL: how the kernel ends what takes too much memory. */
const KILLED = 137;

/**
 * Waits until the container has ended.
 * @throws HostUnreachable; the reason of the signal
 */
export async function waitForExit(container: Container, limits: RuntimeLimits, signal: AbortSignal): Promise<Exit> {
  const found = await container.inspect({ signal });
  if (!found) return VANISHED;
  if (!found.State.Running) return exitOf(container, found, limits, signal);
  const exitCode = await waited(container, limits, signal);
  const ended = await container.inspect({ signal });
  // Somebody has removed it as soon as it had ended.
  if (!ended) return exitCode === undefined ? VANISHED : { exitCode };
  if (ended.State.Running) throw container.engine.unreachable(new Error('the wait ended before the container did'));
  return exitOf(container, ended, limits, signal);
}

/** The exit code as the engine's answer has it; undefined when the container was gone, or the end was noticed otherwise. */
async function waited(container: Container, limits: RuntimeLimits, signal: AbortSignal): Promise<number | undefined> {
  const { engine, id } = container;
  let body = '';
  try {
    // As a stream: docker answers at once and says the rest at the end, where its own death would not be noticed otherwise.
    const stream = await engine.open(
      { seconds: limits.requestSeconds, signal },
      { method: 'POST', path: `/containers/${id}/wait`, query: { condition: 'not-running' } },
    );
    await engine.read(
      stream,
      {
        signals: [signal],
        quietMs: limits.quietSeconds * 1000,
        onQuiet: async () => {
          const found = await container.inspect({ seconds: limits.requestSeconds, signal, counts: false });
          return found?.State.Running ? 'go on' : 'over';
        },
      },
      (chunk) => {
        body += chunk.toString('utf8');
      },
    );
  } catch (error) {
    if (!(error instanceof EngineRefusal)) throw error;
    if (error.status !== 404) throw engine.unreachable(error);
  }
  return statusCodeIn(body);
}

function statusCodeIn(body: string): number | undefined {
  try {
    const { StatusCode } = JSON.parse(body) as { StatusCode?: unknown };
    return typeof StatusCode === 'number' ? StatusCode : undefined;
  } catch {
    return undefined;
  }
}

async function exitOf(
  container: Container,
  { State, HostConfig }: ContainerInspectInfo,
  limits: RuntimeLimits,
  signal: AbortSignal,
): Promise<Exit> {
  if (State.Status === 'created') return { exitCode: null, error: State.Error || 'The container was never started.' };
  const exitCode = State.ExitCode;
  const limit = HostConfig.Memory ?? 0;
  // One whose child was killed, and which went on to a good end, was not.
  const outOfMemory =
    exitCode !== 0 &&
    (State.OOMKilled ||
      (exitCode === KILLED && limit > 0 && (await saidOutOfMemory(container, State, limits, signal))));
  if (outOfMemory) return { exitCode, error: `Killed: out of memory${limit > 0 ? ` (limit ${limit} bytes)` : ''}` };
  return State.Error === '' ? { exitCode } : { exitCode, error: State.Error };
}

/**
 * Whether the engine has reported the container out of memory. It hears of that and of the end from two sources: when the end is first, the
 * container's state says nothing of memory, and an event does. A second is left for it to come.
 * @throws HostUnreachable; the reason of the signal
 */
async function saidOutOfMemory(
  container: Container,
  { StartedAt }: ContainerInspectInfo['State'],
  limits: RuntimeLimits,
  signal: AbortSignal,
): Promise<boolean> {
  const { engine, id } = container;
  const since = Math.floor(Date.parse(StartedAt) / 1000);
  const until = Math.ceil(Date.now() / 1000) + 1;
  let said = false;
  try {
    const stream = await engine.open(
      { seconds: limits.requestSeconds, signal },
      {
        method: 'GET',
        path: '/events',
        query: { since, until, filters: JSON.stringify({ type: ['container'], container: [id], event: ['oom'] }) },
      },
    );
    await engine.read(stream, { signals: [signal], quietMs: 5000, onQuiet: async () => 'over' }, () => {
      said = true;
    });
  } catch (error) {
    // An engine without such events.
    if (!(error instanceof EngineRefusal)) throw error;
  }
  return said;
}
