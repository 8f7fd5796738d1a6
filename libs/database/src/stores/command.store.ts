import { createHash } from 'node:crypto';
import type { JsonObject } from '@task-engine/domain';
import { bigints, type Sql } from '../sql';
import { storableJson } from '../storable';

export interface GroupRecord {
  id: number;
  name: string;
  /** Owns the jobs of its runs and their limit. */
  clientId: number;
}

export interface GroupSummaryRow {
  name: string;
  createdAt: Date;
  commandAddedAt: Date;
  commands: number;
}

export interface CommandRecord {
  id: string;
  groupId: number;
  group: string;
  clientId: number;
  laneId: number;
  uuid: string;
  image: string;
  command: string;
  /** What its client asked for besides. */
  request: JsonObject;
  retryCount: number;
  /** When its cron rule fires next; null without one. */
  nextAt: Date | null;
  queueId: string;
  requestedFrom: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface NewCommand {
  groupId: number;
  laneId: number;
  uuid: string;
  image: string;
  command: string;
  request: JsonObject;
  nextAt: Date | null;
  queueId: string;
  requestedFrom: string | null;
}

/** One time of a command's cron rule. */
export interface Firing {
  id: string;
  at: Date;
}

/** Longest start of a group's name in the name of its client, which has 200 characters. */
const CLIENT_NAME_LENGTH = 150;

const COLUMNS = `c.id, c.group_id AS "groupId", g.name AS group, g.client_id AS "clientId", c.lane_id AS "laneId", c.uuid, c.image,
  c.command, c.request, c.retry_count AS "retryCount", c.next_at AS "nextAt", c.queue_id AS "queueId",
  c.requested_from AS "requestedFrom", c.created_at AS "createdAt", c.updated_at AS "updatedAt"`;

const FROM = `FROM command c JOIN command_group g ON g.id = c.group_id`;

/** The words of a group's name, as its index has them. */
const WORDS = `to_tsvector('english', regexp_replace(name, '[^[:alnum:]_]+', ' ', 'g'))`;

/** Commands and the groups they belong to. */
export class CommandStore {
  constructor(private readonly sql: Sql) {}

  async findGroup(name: string): Promise<GroupRecord | undefined> {
    const rows = await this.sql.query<GroupRecord>(
      `SELECT id, name, client_id AS "clientId" FROM command_group WHERE digest = $1`,
      [digestOf(name)],
    );
    return rows[0];
  }

  /** The group, created with a client of its own when it is new. In a transaction: a second one with the same name waits for this one. */
  async ensureGroup(name: string): Promise<GroupRecord> {
    const known = await this.findGroup(name);
    if (known) return known;
    const client = clientName(name);
    await this.sql.query(`INSERT INTO client (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, [client]);
    await this.sql.query(
      `INSERT INTO command_group (name, digest, client_id) SELECT $1, $2, id FROM client WHERE client.name = $3
       ON CONFLICT (digest) DO NOTHING`,
      [name, digestOf(name), client],
    );
    return (await this.findGroup(name))!;
  }

  /** Groups in the order in which they were made. */
  async groups(offset: number, limit: number): Promise<GroupSummaryRow[]> {
    return this.sql.query(`${SUMMARY} ORDER BY g.id OFFSET $1 LIMIT $2`, [offset, limit]);
  }

  async countGroups(): Promise<number> {
    const [row] = await this.sql.query<{ n: number }>(`SELECT count(*)::int AS n FROM command_group`);
    return row!.n;
  }

  /** Groups whose names have any of the words, those with more of them first. */
  async search(words: string[], offset: number, limit: number): Promise<GroupSummaryRow[]> {
    return this.sql.query(
      `${SUMMARY} WHERE ${WORDS} @@ ${ANY_WORD} ORDER BY ts_rank(${WORDS}, ${ANY_WORD}) DESC, g.id OFFSET $2 LIMIT $3`,
      [words, offset, limit],
    );
  }

  async countFound(words: string[]): Promise<number> {
    const [row] = await this.sql.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM command_group WHERE ${WORDS} @@ ${ANY_WORD}`,
      [words],
    );
    return row!.n;
  }

  /** Those of a group, the one that changed last first. */
  async ofGroup(groupId: number): Promise<{ uuid: string; createdAt: Date }[]> {
    return this.sql.query(
      `SELECT uuid, created_at AS "createdAt" FROM command WHERE group_id = $1 ORDER BY updated_at DESC, id DESC`,
      [groupId],
    );
  }

  async find(group: string, uuid: string): Promise<CommandRecord | undefined> {
    const rows = await this.sql.query<CommandRecord>(`SELECT ${COLUMNS} ${FROM} WHERE g.digest = $1 AND c.uuid = $2`, [
      digestOf(group),
      uuid,
    ]);
    return rows[0];
  }

  /** Locks a command until the end of the transaction. */
  async lock(id: string): Promise<CommandRecord | undefined> {
    const rows = await this.sql.query<CommandRecord>(
      `SELECT ${COLUMNS} ${FROM} WHERE c.id = $1 FOR NO KEY UPDATE OF c`,
      [id],
    );
    return rows[0];
  }

  /** In one statement. Ids in the order given; empty for one whose group has a command of this uuid already. */
  async insert(commands: NewCommand[]): Promise<string[]> {
    const rows = await this.sql.prepared<{ id: string | null }>(
      `WITH new AS MATERIALIZED (
         SELECT nextval(pg_get_serial_sequence('command', 'id')) AS id, r.*
         FROM unnest($1::int[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::timestamptz[], $8::uuid[], $9::text[])
              WITH ORDINALITY AS r (group_id, lane_id, uuid, image, command, request, next_at, queue_id, requested_from, n)
       ), kept AS (
         INSERT INTO command (id, group_id, lane_id, uuid, image, command, request, next_at, queue_id, requested_from)
         OVERRIDING SYSTEM VALUE SELECT id, group_id, lane_id, uuid, image, command, request, next_at, queue_id, requested_from FROM new
         ON CONFLICT (group_id, uuid) DO NOTHING RETURNING id
       )
       SELECT kept.id FROM new LEFT JOIN kept USING (id) ORDER BY n`,
      parametersOf(commands[0]!).map((_, column) => commands.map((command) => parametersOf(command)[column])),
    );
    return rows.map(({ id }) => id ?? '');
  }

  /** Takes everything of a new request; retries are counted anew. */
  async update(id: string, command: NewCommand): Promise<void> {
    await this.sql.query(
      `UPDATE command SET group_id = $1, lane_id = $2, uuid = $3, image = $4, command = $5, request = $6, next_at = $7, queue_id = $8,
              requested_from = $9, retry_count = 0, updated_at = now() WHERE id = $10`,
      [...parametersOf(command), id],
    );
  }

  /** No further retry, no further firing. */
  async stop(id: string): Promise<void> {
    await this.sql.query(
      `UPDATE command SET retry_count = COALESCE((request->>'retries')::int, 0) + 1, next_at = NULL, updated_at = now() WHERE id = $1`,
      [id],
    );
  }

  async stopRetries(id: string): Promise<void> {
    await this.sql.query(
      `UPDATE command SET retry_count = COALESCE((request->>'retries')::int, 0) + 1, updated_at = now() WHERE id = $1`,
      [id],
    );
  }

  /** Counts a retry, unless none is left. @returns its number, from 1 */
  async countRetry(id: string): Promise<number | undefined> {
    const rows = await this.sql.query<{ n: number }>(
      `UPDATE command SET retry_count = retry_count + 1, updated_at = now()
       WHERE id = $1 AND retry_count < COALESCE((request->>'retries')::int, 0) RETURNING retry_count AS n`,
      [id],
    );
    return rows[0]?.n;
  }

  async requeued(id: string, queueId: string): Promise<void> {
    await this.sql.query(`UPDATE command SET queue_id = $2, updated_at = now() WHERE id = $1`, [id, queueId]);
  }

  /** Commands whose cron rule fires now, but for some. Locked; several callers share them. */
  async lockDue(limit: number, except: Firing[] = []): Promise<CommandRecord[]> {
    return this.sql.query<CommandRecord>(
      `SELECT ${COLUMNS} ${FROM} WHERE c.next_at <= statement_timestamp() AND ${notAmong('$2', '$3')}
       ORDER BY c.next_at LIMIT $1 FOR NO KEY UPDATE OF c SKIP LOCKED`,
      [limit, ...firingParameters(except)],
    );
  }

  /** The rule has fired: when it does so again, with all its retries, unless a stop has taken them away. */
  async fired(id: string, nextAt: Date | null): Promise<void> {
    await this.sql.query(
      `UPDATE command SET next_at = $2, updated_at = now(),
              retry_count = CASE WHEN retry_count > COALESCE((request->>'retries')::int, 0) THEN retry_count ELSE 0 END WHERE id = $1`,
      [id, nextAt],
    );
  }

  /** When the next cron rule fires, but for some. */
  async nextDue(except: Firing[] = []): Promise<Date | null> {
    // as an ordered look at the index: it ends at the first that is meant
    const rows = await this.sql.prepared<{ at: Date }>(
      `SELECT c.next_at AS at FROM command c WHERE c.next_at IS NOT NULL AND ${notAmong('$1', '$2')} ORDER BY c.next_at LIMIT 1`,
      firingParameters(except),
    );
    return rows[0]?.at ?? null;
  }

  async scheduled(limit: number): Promise<CommandRecord[]> {
    return this.sql.query<CommandRecord>(
      `SELECT ${COLUMNS} ${FROM} WHERE c.next_at IS NOT NULL ORDER BY c.next_at, c.id LIMIT $1`,
      [limit],
    );
  }

  async count(): Promise<number> {
    const [row] = await this.sql.query<{ n: number }>(`SELECT count(*)::int AS n FROM command`);
    return row!.n;
  }
}

/** When the last command was added is read from it: a column of the group would have all who add to one group wait for each other. */
const SUMMARY = `SELECT g.name, g.created_at AS "createdAt",
  COALESCE((SELECT c.created_at FROM command c WHERE c.group_id = g.id ORDER BY c.id DESC LIMIT 1), g.created_at) AS "commandAddedAt",
  (SELECT count(*)::int FROM command c WHERE c.group_id = g.id) AS commands FROM command_group g`;

/** Each word through the same dictionary as the names, joined with "or". */
const ANY_WORD = `(SELECT COALESCE(string_agg(q::text, ' | '), '')::tsquery FROM
  (SELECT plainto_tsquery('english', word) AS q FROM unnest($1::text[]) AS word) words WHERE numnode(q) > 0)`;

/** Not one of these firings. A command whose rule has been changed has another time, and is not meant. */
function notAmong(ids: string, times: string): string {
  return `NOT EXISTS (SELECT FROM unnest(${ids}::bigint[], ${times}::timestamptz[]) AS f (id, at)
    WHERE f.id = c.id AND f.at = date_trunc('milliseconds', c.next_at))`;
}

function firingParameters(firings: Firing[]): unknown[] {
  return [bigints(firings.map(({ id }) => id)), firings.map(({ at }) => at)];
}

function parametersOf(command: NewCommand): unknown[] {
  const { groupId, laneId, uuid, image, request, nextAt, queueId, requestedFrom } = command;
  return [groupId, laneId, uuid, image, command.command, storableJson(request), nextAt, queueId, requestedFrom];
}

/** Names have no limit of length; an index entry has. */
function digestOf(name: string): Buffer {
  return createHash('sha256').update(name).digest();
}

function clientName(group: string): string {
  const name = `fastlane/${group}`;
  if (name.length <= CLIENT_NAME_LENGTH) return name;
  return `${name.slice(0, CLIENT_NAME_LENGTH).toWellFormed()} ${digestOf(group).toString('hex').slice(0, 16)}`;
}
