import type { HostStatus } from '../runtime';
import type { EngineConnection } from './engine-connection';
import type { HostRegistry, HostState } from './host-registry';

/** Upstream's words, which its users' dashboards look for. */
const BLACKLISTED = 'server is blacklisted';
const JUST_OPENED = 'Failures threshold reached, circuit breaker opened';
const STILL_OPEN = 'Timeout not elapsed yet, circuit breaker still open';

/**
 * How each host is now, those that are available first, else in their order. Hosts that may be used are asked, all at once; one that does not
 * answer counts as failed once more, and one that is half-open gets its trial. Never rejects: without a registry the hosts can still be asked.
 */
export async function hostStatuses(
  engines: readonly EngineConnection[],
  registry: HostRegistry,
  pingSeconds: number,
): Promise<HostStatus[]> {
  const before = await statesOf(engines, registry);
  const failures = await Promise.all(engines.map((engine) => failureOf(engine, before(engine), registry, pingSeconds)));
  const after = await statesOf(engines, registry);
  const statuses = engines.map((engine, index): HostStatus => {
    const { host, port } = engine.host;
    const { blacklisted } = before(engine);
    const { circuit } = after(engine);
    const failure = failures[index] ?? null;
    const opened = failure !== null && !blacklisted && before(engine).circuit !== 'open' && circuit === 'open';
    return { host, port, available: failure === null, blacklisted, circuit, error: opened ? JUST_OPENED : failure };
  });
  return [...statuses.filter(({ available }) => available), ...statuses.filter(({ available }) => !available)];
}

/** Null when it answers. */
async function failureOf(
  engine: EngineConnection,
  { blacklisted, circuit }: HostState,
  registry: HostRegistry,
  seconds: number,
): Promise<string | null> {
  const { name } = engine.host;
  try {
    if (blacklisted) return BLACKLISTED;
    if (circuit === 'open') return STILL_OPEN;
    if (circuit === 'half-open' && !(await registry.tryHalfOpen(name))) return STILL_OPEN;
    await engine.ping({ seconds });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  await registry.succeeded(name).catch(() => undefined);
  return null;
}

async function statesOf(
  engines: readonly EngineConnection[],
  registry: HostRegistry,
): Promise<(engine: EngineConnection) => HostState> {
  const states = await registry.states(engines.map(({ host }) => host.name)).catch((): HostState[] => []);
  return ({ host: { name } }) =>
    states.find(({ host }) => host === name) ?? { host: name, blacklisted: false, circuit: 'closed' };
}
