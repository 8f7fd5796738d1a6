import type { App } from '../../../scripts/local/app-process';
import { Random } from '../random';

export type Fault =
  | { kind: 'kill'; app: App; replica: number }
  | { kind: 'freeze'; app: App; replica: number; forMs: number }
  | { kind: 'terminate'; app: App; replica: number }
  | { kind: 'flush_redis' | 'kill_redis' | 'cut_connections' | 'kill_postgres' | 'restart_postgres' };

export interface PlannedFault {
  /** Milliseconds after the start of the run. */
  atMs: number;
  fault: Fault;
}

/** How often each app is hit: workers most, since most depends on them. */
const APPS: Record<App, number> = {
  'task-worker': 5,
  'job-controller': 4,
  scheduler: 3,
  'callback-dispatcher': 2,
  'api-gateway': 2,
};

const KINDS = {
  kill: 10,
  freeze: 8,
  terminate: 2,
  flush_redis: 3,
  kill_redis: 1,
  cut_connections: 3,
  kill_postgres: 1,
  restart_postgres: 1,
};

/**
 * The faults of a run of that many seconds: one every `everyMs` milliseconds in the mean, each app with two replicas.
 */
export function faultPlan(random: Random, seconds: number, everyMs: number, leaseSeconds: number): PlannedFault[] {
  const plan: PlannedFault[] = [];
  for (let atMs = random.integer(500, 2 * everyMs); atMs < seconds * 1_000; atMs += random.integer(200, 2 * everyMs)) {
    const kind = random.weighted(KINDS);
    const app = random.weighted(APPS);
    const replica = random.integer(1, 2);
    // half of them outlast a lease: the work is then given to another, and what the frozen one says later is stale
    const forMs = (random.chance(0.5) ? leaseSeconds * 1_000 : 0) + random.integer(300, 2_500);
    if (kind === 'kill' || kind === 'terminate') plan.push({ atMs, fault: { kind, app, replica } });
    else if (kind === 'freeze') plan.push({ atMs, fault: { kind, app, replica, forMs } });
    else plan.push({ atMs, fault: { kind } });
  }
  return plan;
}

export function describeFault(fault: Fault): string {
  if (!('app' in fault)) return fault.kind.replace('_', ' ');
  const lasting = fault.kind === 'freeze' ? ` for ${fault.forMs} ms` : '';
  return `${fault.kind} ${fault.app} ${fault.replica}${lasting}`;
}
