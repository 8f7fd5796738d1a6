import type { Sql } from '../sql';

/** How long a circuit stays open before one trial, in seconds, and after how many failures on end it opens. */
export const CIRCUIT = { failures: 5, resetSeconds: 60 } as const;

export interface HostState {
  host: string;
  blacklisted: boolean;
  circuit: 'closed' | 'open' | 'half-open';
  error: string | null;
}

export type RuntimeKind = 'docker' | 'kubernetes' | 'host';

/** What all workers know together of the hosts that containers run on. */
export class ContainerHostStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Which database this is, and with it which installation: several may share the hosts. It is of the server and its database themselves and not of
   * the data, so that a dump that was restored elsewhere, say for staging, is another one.
   */
  async installation(): Promise<string> {
    const [row] = await this.sql.query<{ id: string }>(
      `SELECT md5(s.system_identifier || '/' || d.oid)::uuid AS id FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()`,
    );
    return row!.id;
  }

  async blacklist(host: string, blacklisted: boolean): Promise<void> {
    await this.sql.query(
      `INSERT INTO container_host (host, blacklisted) VALUES ($1, $2) ON CONFLICT (host) DO UPDATE SET blacklisted = $2`,
      [host, blacklisted],
    );
  }

  /** Hosts nobody has said anything about are not among them. */
  async states(hosts: readonly string[], circuit: { resetSeconds: number } = CIRCUIT): Promise<HostState[]> {
    return this.sql.query<HostState>(
      `SELECT host, blacklisted, last_error AS error,
              CASE WHEN opened_at IS NULL THEN 'closed' WHEN opened_at > statement_timestamp() - make_interval(secs => $2) THEN 'open'
                   ELSE 'half-open' END AS circuit
       FROM container_host WHERE host = ANY($1::text[])`,
      [hosts, circuit.resetSeconds],
    );
  }

  /** Counts a failure; the last of several on end opens the circuit, and so does one of a trial. */
  async failed(host: string, error: string, circuit: { failures: number } = CIRCUIT): Promise<void> {
    await this.sql.query(
      `INSERT INTO container_host AS h (host, failures, last_error, opened_at)
       VALUES ($1, 1, $2, CASE WHEN $3 <= 1 THEN clock_timestamp() END)
       ON CONFLICT (host) DO UPDATE SET failures = h.failures + 1, last_error = $2,
         opened_at = CASE WHEN h.opened_at IS NOT NULL OR h.failures + 1 >= $3 THEN clock_timestamp() END`,
      [host, error, circuit.failures],
    );
  }

  /** It answers: the circuit is closed. Writes nothing where it was. */
  async succeeded(host: string): Promise<void> {
    await this.sql.query(
      `UPDATE container_host SET failures = 0, opened_at = NULL, last_error = NULL WHERE host = $1 AND failures > 0`,
      [host],
    );
  }

  /** The one trial after the pause: true for one caller, for whom the circuit is open again until it says how it went. */
  async tryHalfOpen(host: string, circuit: { resetSeconds: number } = CIRCUIT): Promise<boolean> {
    const rows = await this.sql.query(
      `UPDATE container_host SET opened_at = clock_timestamp()
       WHERE host = $1 AND opened_at <= statement_timestamp() - make_interval(secs => $2) RETURNING host`,
      [host, circuit.resetSeconds],
    );
    return rows.length === 1;
  }

  /** What a worker sees of its hosts. */
  async report(workerId: string, kind: RuntimeKind, hosts: unknown[]): Promise<void> {
    await this.sql.query(
      `INSERT INTO worker_runtime (worker_id, kind, hosts) SELECT id, $2, $3::jsonb FROM worker WHERE id = $1
       ON CONFLICT (worker_id) DO UPDATE SET kind = $2, hosts = $3::jsonb, seen_at = now()`,
      [workerId, kind, JSON.stringify(hosts)],
    );
  }

  /** What the worker that looked last has seen. Undefined when none has for `seconds`. */
  async lastReport<Host>(seconds: number): Promise<{ kind: RuntimeKind; hosts: Host[] } | undefined> {
    const rows = await this.sql.query<{ kind: RuntimeKind; hosts: Host[] }>(
      `SELECT r.kind, r.hosts FROM worker_runtime r JOIN worker w ON w.id = r.worker_id
       WHERE r.seen_at > statement_timestamp() - make_interval(secs => $1) AND w.stopped_at IS NULL ORDER BY r.seen_at DESC LIMIT 1`,
      [seconds],
    );
    return rows[0];
  }
}
