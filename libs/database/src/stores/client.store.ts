import { type Sql, unseen } from '../sql';

export interface ClientRecord {
  id: number;
  name: string;
}

/** A client as requests know it. */
export interface CallingClient extends ClientRecord {
  /** Limit of its own; null: that of all. */
  requestsPerMinute: number | null;
}

export interface ClientKeyRecord {
  id: number;
  client: string;
  lastFour: string;
  createdAt: Date;
  revokedAt: Date | null;
}

export interface KeyHash {
  /** The client's. */
  name: string;
  clientId: number;
  hash: Buffer;
}

/** Clients and the hashes of their keys. A key itself is never stored. */
export class ClientStore {
  constructor(private readonly sql: Sql) {}

  async find(name: string): Promise<ClientRecord | undefined> {
    const rows = await this.sql.query<ClientRecord>(`SELECT id, name FROM client WHERE name = $1`, [name]);
    return rows[0];
  }

  /** The client, created when it is new. */
  async ensure(name: string): Promise<ClientRecord> {
    await this.sql.query(`INSERT INTO client (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, [name]);
    return (await this.find(name))!;
  }

  /** SHA-256 hashes of the clients' keys that are not revoked. */
  async keyHashes(names: string[]): Promise<KeyHash[]> {
    return this.sql.prepared(
      `SELECT c.name, c.id AS "clientId", k.hash FROM client c JOIN client_key k ON k.client_id = c.id
       WHERE c.name = ANY(${unseen('$1', 'text[]')}) AND k.revoked_at IS NULL`,
      [names],
    );
  }

  /** Whose keys these are, by their SHA-256 in hex; unknown and revoked ones are nobody's. */
  async ofKeys(hashes: string[]): Promise<(CallingClient & { hash: string })[]> {
    return this.sql.prepared(
      `SELECT given.hash, c.id, c.name, c.requests_per_minute AS "requestsPerMinute"
       FROM unnest(${unseen('$1', 'text[]')}) AS given (hash)
       JOIN client_key k ON k.hash = decode(given.hash, 'hex') JOIN client c ON c.id = k.client_id
       WHERE k.revoked_at IS NULL`,
      [hashes],
    );
  }

  async named(names: string[]): Promise<CallingClient[]> {
    return this.sql.prepared(
      `SELECT id, name, requests_per_minute AS "requestsPerMinute" FROM client WHERE name = ANY(${unseen('$1', 'text[]')})`,
      [names],
    );
  }

  /** Adds a key; a hash that exists already is left as it is. */
  async addKey(clientId: number, hash: Buffer, lastFour: string): Promise<void> {
    await this.sql.query(
      `INSERT INTO client_key (client_id, hash, last_four) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING`,
      [clientId, hash, lastFour],
    );
  }

  async listKeys(): Promise<ClientKeyRecord[]> {
    return this.sql.query(
      `SELECT k.id, c.name AS client, k.last_four AS "lastFour", k.created_at AS "createdAt", k.revoked_at AS "revokedAt"
       FROM client_key k JOIN client c ON c.id = k.client_id ORDER BY c.name, k.id`,
    );
  }

  /** Revokes one key, or all of a client's. Returns the ids that were live. */
  async revoke(which: { keyId: number } | { clientId: number }): Promise<number[]> {
    const rows = await this.sql.query<{ id: number }>(
      `UPDATE client_key SET revoked_at = now() WHERE revoked_at IS NULL AND ${'keyId' in which ? 'id' : 'client_id'} = $1 RETURNING id`,
      ['keyId' in which ? which.keyId : which.clientId],
    );
    return rows.map((row) => row.id);
  }

  /** Sets what the operator configures for a client; undefined leaves a value, null clears it. */
  async configure(
    clientId: number,
    settings: {
      maxRunning?: number | null;
      signingSecret?: string | null;
      callbackHeaders?: Record<string, string>;
      requestsPerMinute?: number | null;
    },
  ): Promise<void> {
    // A cap is a limit of every lane: whoever changes one holds their locks, as whoever starts a job does.
    await this.sql.query(
      `WITH lanes AS MATERIALIZED (SELECT id FROM lane WHERE $2 ORDER BY id FOR NO KEY UPDATE)
       UPDATE client SET max_running = CASE WHEN $2 THEN $3::int ELSE max_running END,
              signing_secret = CASE WHEN $4 THEN $5::text ELSE signing_secret END,
              callback_headers = COALESCE($6::jsonb, callback_headers),
              requests_per_minute = CASE WHEN $7 THEN $8::int ELSE requests_per_minute END
       WHERE id = $1 AND (SELECT count(*) FROM lanes) IS NOT NULL`,
      [
        clientId,
        settings.maxRunning !== undefined,
        settings.maxRunning ?? null,
        settings.signingSecret !== undefined,
        settings.signingSecret ?? null,
        settings.callbackHeaders ? JSON.stringify(settings.callbackHeaders) : null,
        settings.requestsPerMinute !== undefined,
        settings.requestsPerMinute ?? null,
      ],
    );
  }
}
