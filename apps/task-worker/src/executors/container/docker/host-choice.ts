import { FarmFull, HostUnreachable, NoHostAvailable, type RoomOf } from '../runtime';
import type { DockerHost } from './docker-host';
import type { EngineConnection } from './engine-connection';
import type { Farms } from './farms';
import type { HostRegistry } from './host-registry';
import type { RuntimeLimits } from './runtime-options';

export interface HostChoiceOptions {
  readonly farms: Farms;
  readonly registry: HostRegistry;
  readonly limits: RuntimeLimits;
  readonly engineOf: (host: DockerHost) => EngineConnection;
  readonly room: RoomOf;
}

/**
 * Gives `use` a host that may be used for the group: of the first farm that takes the group and has such a host any one; another of them, then
 * the next farm's, when it does not answer. A host may be used when it is not blacklisted, its circuit is not open and it answers, and its farm
 * has room for the run.
 * @throws FarmFull when hosts that answer are of farms without room; NoHostAvailable when there was none to try; HostUnreachable of the last one
 * when none that was tried answered; what `use` throws
 */
export async function onUsableHost(
  { farms, registry, limits, engineOf, room }: HostChoiceOptions,
  group: string,
  signal: AbortSignal,
  use: (engine: EngineConnection) => Promise<void>,
): Promise<DockerHost> {
  let unreachable: HostUnreachable | undefined;
  let forNow = false;
  let full = false;
  const candidates = farms.of(group);
  for (const { position, hosts } of candidates) {
    const states = new Map((await registry.states(hosts.map(({ name }) => name))).map((state) => [state.host, state]));
    for (const host of shuffled(hosts)) {
      signal.throwIfAborted();
      const state = states.get(host.name);
      if (state?.blacklisted) continue;
      if (state && state.circuit !== 'closed') {
        forNow = true;
        if (state.circuit === 'open' || !(await registry.tryHalfOpen(host.name))) continue;
      }
      const engine = engineOf(host);
      try {
        await engine.ping({ seconds: limits.pingSeconds, signal });
        // Before the image is pulled: that takes minutes, and a host on trial is the others' too.
        await registry.succeeded(host.name);
        if (candidates.length > 1 && !(await room(position))) {
          full = true;
          break;
        }
        await use(engine);
        return host;
      } catch (error) {
        if (!(error instanceof HostUnreachable)) throw error;
        unreachable = error;
      }
    }
  }
  if (full) throw new FarmFull(`No farm has room for task id ${group}.`);
  throw unreachable ?? new NoHostAvailable(`Failed to find a docker host for task id ${group}.`, forNow);
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
