import type { HostRegistry, HostState } from '../../../apps/task-worker/src/executors/container/docker/host-registry';

const FAILURES = 5;

/** The state of hosts as one process could share it with itself; the product's own is in PostgreSQL. */
export class MemoryHostRegistry implements HostRegistry {
  readonly blacklist = new Set<string>();
  private readonly hosts = new Map<string, { failures: number; openedAt?: number; error?: string; tried?: boolean }>();

  /** @param resetMs until an open circuit is half-open */
  constructor(private readonly resetMs = 60_000) {}

  async states(hosts: readonly string[]): Promise<HostState[]> {
    return hosts.map((host) => ({
      host,
      blacklisted: this.blacklist.has(host),
      circuit: this.circuit(host),
      error: this.hosts.get(host)?.error,
    }));
  }

  async failed(host: string, error: string): Promise<void> {
    const failures = this.failures(host) + 1;
    const opens = failures >= FAILURES || this.hosts.get(host)?.openedAt !== undefined;
    this.hosts.set(host, { failures, error, openedAt: opens ? Date.now() : undefined });
  }

  async succeeded(host: string): Promise<void> {
    this.hosts.delete(host);
  }

  async tryHalfOpen(host: string): Promise<boolean> {
    const state = this.hosts.get(host);
    if (!state || state.tried || this.circuit(host) !== 'half-open') return false;
    state.tried = true;
    return true;
  }

  /** In a row. */
  failures(host: string): number {
    return this.hosts.get(host)?.failures ?? 0;
  }

  private circuit(host: string): HostState['circuit'] {
    const openedAt = this.hosts.get(host)?.openedAt;
    if (openedAt === undefined) return 'closed';
    return Date.now() - openedAt < this.resetMs ? 'open' : 'half-open';
  }
}
