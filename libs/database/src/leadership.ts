import { Client } from 'pg';

/** Session lock of the one scheduler that leads. */
export const LEADER_LOCK = 7_301_002;
/** Name of the connection that holds it; behind it comes the process's own. */
export const LEADER_NAME = 'task-engine leader';
/** Silence after which PostgreSQL ends the leader's session. Needs a call of `tryAcquire` several times within it. */
const SILENCE_SECONDS = 10;
/** Without an answer to a statement for this long the connection counts as broken. */
const ANSWER_MS = 5_000;

/**
 * Leadership by a PostgreSQL session lock on a connection of its own: it ends when the process dies (the server sees the socket
 * close), when nothing is heard of it for 10 s, or at `resign`. The server's own timer decides, no clock of ours. TCP keep-alives
 * would not do: the kernel of a process that is frozen goes on answering them.
 */
export class Leadership {
  private client: Client | undefined;
  private lost: () => void = () => undefined;

  /** @param process id of the worker row of this process: those who ask who leads find it by the connection's name */
  constructor(
    private readonly url: string,
    private readonly process?: string,
  ) {}

  /** Told when leadership ends without `resign`. */
  onLost(listener: () => void): void {
    this.lost = listener;
  }

  get held(): boolean {
    return this.client !== undefined;
  }

  /** Tries once, or renews what is held. True when this process leads now. */
  async tryAcquire(): Promise<boolean> {
    if (this.client) return this.renew(this.client);
    const client = new Client({
      connectionString: this.url,
      application_name: this.process === undefined ? LEADER_NAME : `${LEADER_NAME} ${this.process}`,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    });
    client.on('error', () => this.lose(client));
    client.on('end', () => this.lose(client));
    try {
      await client.connect();
      await client.query(`SET idle_session_timeout = '${SILENCE_SECONDS}s'`);
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

  private async renew(client: Client): Promise<boolean> {
    try {
      await client.query('SELECT 1');
    } catch {
      this.lose(client);
      void client.end().catch(() => undefined);
    }
    return this.held;
  }

  private lose(client: Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    this.lost();
  }
}
