import { Client } from 'pg';

/** Session lock of the one scheduler that leads. */
const LEADER_LOCK = 7_301_002;

/**
 * Leadership by a PostgreSQL session lock on a connection of its own: it ends when the process dies (the server sees the socket
 * close), when the connection breaks, or at `resign`. Nothing to renew, nothing to expire by a skewed clock.
 */
export class Leadership {
  private client: Client | undefined;
  private lost: () => void = () => undefined;

  constructor(private readonly url: string) {}

  /** Told when leadership ends without `resign`. */
  onLost(listener: () => void): void {
    this.lost = listener;
  }

  get held(): boolean {
    return this.client !== undefined;
  }

  /** Tries once. True when this process leads now. */
  async tryAcquire(): Promise<boolean> {
    if (this.client) return true;
    const client = new Client({
      connectionString: this.url,
      application_name: 'task-engine leader',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    client.on('error', () => this.lose(client));
    client.on('end', () => this.lose(client));
    try {
      await client.connect();
      // A leader whose machine vanished without closing its socket is noticed after about 10 s.
      await client.query('SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3');
      const { rows } = await client.query<{ leads: boolean }>('SELECT pg_try_advisory_lock($1) AS leads', [
        LEADER_LOCK,
      ]);
      if (rows[0]?.leads) {
        this.client = client;
        return true;
      }
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    await client.end().catch(() => undefined);
    return false;
  }

  async resign(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.end().catch(() => undefined);
  }

  private lose(client: Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    this.lost();
  }
}
