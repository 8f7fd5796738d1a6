import { randomUUID } from 'node:crypto';
import { DELIVERY_STATES, type DeliveryKind, type DeliveryState } from '@task-engine/domain';
import type { Sql } from '../sql';
import { storableJson, storableText } from '../storable';
import { CLAIM, type ClaimedDelivery, type ClaimOptions } from './delivery-claim';
import { SEVERITY } from './job-log.store';

export interface NewDelivery {
  clientId: number;
  jobId: string;
  /** The task that the event is logged against; '0' for none. */
  taskId: string;
  event: string;
  url: string;
  /** The exact text that is signed and sent. */
  body: string;
  headers: Record<string, string>;
  verifyTls: boolean;
  /** How it is sent and repeated [callback]. */
  kind?: DeliveryKind;
  /** Tries in all; the dispatcher's own number unless given. */
  maxAttempts?: number;
  /** Of kind `event` only: whose it is. */
  webhookId?: string;
}

export interface DeliveryLease {
  id: string;
  token: string;
}

/** How a try ended. `released` gives it back as if it had not been made. */
export interface DeliveryReport extends DeliveryLease {
  state: Exclude<DeliveryState, 'sending'> | 'released';
  /** Seconds until the next try, for `pending`. */
  delaySeconds: number;
  status: number | null;
  error: string | null;
  milliseconds: number;
  /** What was sent and answered, where that is shown to somebody. */
  shown?: { sentHeaders: Record<string, string>; answer: { headers: Record<string, string>; body: string } | null };
  /** Line for the job's log. */
  line: { severity: keyof typeof SEVERITY; message: string; visible: boolean } | null;
}

export interface DeliveryRecord {
  id: string;
  messageId: string;
  client: string;
  jobId: string;
  taskId: string;
  event: string;
  url: string;
  state: DeliveryState;
  attempts: number;
  nextAt: Date;
  lastStatus: number | null;
  lastError: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}

export interface DeliveryFilter {
  state?: DeliveryState;
  /** Name of the client. */
  client?: string;
  jobId?: string;
  /** Rows at most, newest first. */
  limit: number;
}

/** A B-tree entry must fit a third of a page; a longer host is none. */
const MAX_ORIGIN = 300;

/** Final states: those that only a replay leaves. */
const FINAL = DELIVERY_STATES.filter((state) => state !== 'pending' && state !== 'sending');

/**
 * Outgoing callbacks. A try is a lease with a fencing token; the row owns attempts and due time, decided by the database's clock.
 * Statements compare with statement_timestamp(): unlike clock_timestamp() it can bound an index scan, and unlike now() it is not the
 * start of a long transaction.
 */
export class DeliveryStore {
  constructor(private readonly sql: Sql) {}

  /** In the transaction of the transition that is reported. Ids come in the order given: the order of sending. */
  async insert(deliveries: NewDelivery[]): Promise<{ id: string; url: string }[]> {
    if (deliveries.length === 0) return [];
    const announced = new Set<string>();
    const first = ({ jobId, taskId, event }: NewDelivery) => {
      const key = `${jobId} ${taskId} ${event}`;
      return announced.size < announced.add(key).size;
    };
    return this.sql.query(
      `INSERT INTO delivery (message_id, client_id, job_id, task_id, event, url, origin, body, headers, verify_tls, announces, kind, max_attempts,
                             webhook_id)
       SELECT message_id, client_id, job_id, task_id, event, url, origin, body, headers, verify_tls, announces, kind, max_attempts, webhook_id
       FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
                   $10::boolean[], $11::boolean[], $12::text[], $13::int[], $14::bigint[])
            WITH ORDINALITY AS d (message_id, client_id, job_id, task_id, event, url, origin, body, headers, verify_tls, announces, kind,
                                  max_attempts, webhook_id, n)
       ORDER BY n RETURNING id, url`,
      [
        deliveries.map(() => `msg_${randomUUID()}`),
        deliveries.map((delivery) => delivery.clientId),
        deliveries.map((delivery) => delivery.jobId),
        deliveries.map((delivery) => delivery.taskId),
        deliveries.map((delivery) => delivery.event),
        deliveries.map((delivery) => delivery.url),
        deliveries.map((delivery) => originOf(delivery.url)),
        deliveries.map((delivery) => delivery.body),
        deliveries.map((delivery) => JSON.stringify(delivery.headers)),
        deliveries.map((delivery) => delivery.verifyTls),
        // the line tells of a job's workflow definition, which a run has none of its own
        deliveries.map((delivery) => (delivery.kind ?? 'callback') === 'callback' && first(delivery)),
        deliveries.map((delivery) => delivery.kind ?? 'callback'),
        deliveries.map((delivery) => delivery.maxAttempts ?? null),
        deliveries.map((delivery) => delivery.webhookId ?? null),
      ],
    );
  }

  /**
   * pending -> sending for what is due, no more of an origin than it has room for: of each origin the oldest first, and among origins the one
   * with the fewest requests under way. A first try waits until every earlier delivery of the same job to the same URL has had its own:
   * `start` does not overtake `complete`, while an endpoint that fails does not hold its later ones up. What is of no job waits for nothing.
   *
   * The step from origin to origin (a loose index scan) makes a claim cost what it takes, not what waits: a backlog of thousands at an
   * endpoint that hangs is stepped over.
   *
   * @returns `contended`: another dispatcher was quicker with some, so a further claim may find more
   */
  async claim(options: ClaimOptions): Promise<{ deliveries: ClaimedDelivery[]; contended: boolean }> {
    const rows = await this.sql.query<ClaimedDelivery & { due: number; id: string | null }>(CLAIM, [
      options.perOrigin,
      [...options.busy.keys()],
      [...options.busy.values()],
      options.limit,
      options.leaseSeconds,
      options.lines.common,
      options.lines.client,
      options.ample,
    ]);
    const deliveries = rows.filter((row) => row.id !== null);
    return { deliveries, contended: (rows[0]?.due ?? 0) > deliveries.length };
  }

  /** Renews leases; answers those that are still held. */
  async heartbeat(leases: DeliveryLease[], leaseSeconds: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `UPDATE delivery d SET lease_expires_at = clock_timestamp() + make_interval(secs => $3)
       FROM unnest($1::bigint[], $2::bigint[]) AS held (id, token)
       WHERE d.id = held.id AND d.token = held.token AND d.state = 'sending' RETURNING d.id`,
      [leases.map((lease) => lease.id), leases.map((lease) => lease.token), leaseSeconds],
    );
    return rows.map((row) => row.id);
  }

  /**
   * sending -> what became of it, with the rows of the attempt and of the job log. A report with a stale token changes nothing.
   * Answers the ids that changed.
   */
  async report(reports: DeliveryReport[]): Promise<string[]> {
    if (reports.length === 0) return [];
    const rows = await this.sql.query<{ id: string }>(
      `WITH report AS (
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::float8[], $5::int[], $6::text[], $7::int[], $8::smallint[],
                              $9::text[], $10::boolean[], $11::jsonb[], $12::jsonb[], $13::text[])
           AS r (id, token, state, delay, status, error, milliseconds, severity, message, visible, sent_headers, answer_headers, answer_body)
       ), held AS MATERIALIZED (
         SELECT d.id FROM delivery d JOIN report r USING (id) WHERE d.token = r.token AND d.state = 'sending'
         ORDER BY d.id FOR NO KEY UPDATE OF d
       ), changed AS (
         UPDATE delivery d SET
           state = CASE r.state WHEN 'released' THEN 'pending' ELSE r.state END,
           attempts = d.attempts - CASE r.state WHEN 'released' THEN 1 ELSE 0 END,
           next_at = CASE WHEN r.state IN ('pending', 'released') THEN clock_timestamp() + make_interval(secs => r.delay) ELSE d.next_at END,
           last_status = CASE r.state WHEN 'released' THEN d.last_status ELSE r.status END,
           last_error = CASE r.state WHEN 'released' THEN d.last_error ELSE r.error END,
           finished_at = CASE WHEN r.state IN ('pending', 'released') THEN NULL ELSE clock_timestamp() END,
           token = NULL, lease_expires_at = NULL
         FROM report r, held WHERE d.id = held.id AND r.id = d.id AND d.token = r.token AND d.state = 'sending'
         RETURNING d.id, d.job_id, d.task_id, d.attempts
       ), tried AS (
         INSERT INTO delivery_attempt (delivery_id, number, status, error, milliseconds, sent_headers, answer_headers, answer_body)
         SELECT c.id, c.attempts, r.status, r.error, r.milliseconds, r.sent_headers, r.answer_headers, r.answer_body
         FROM changed c JOIN report r USING (id) WHERE r.state <> 'released'
       ), logged AS (
         INSERT INTO job_log (job_id, task_id, severity, progname, message, visible)
         SELECT c.job_id, c.task_id, r.severity, 'callback', r.message, r.visible
         FROM changed c JOIN report r USING (id) WHERE r.message IS NOT NULL ORDER BY c.id
       )
       SELECT id FROM changed`,
      [
        reports.map((report) => report.id),
        reports.map((report) => report.token),
        reports.map((report) => report.state),
        reports.map((report) => report.delaySeconds),
        reports.map((report) => report.status),
        reports.map((report) => report.error),
        reports.map((report) => Math.round(report.milliseconds)),
        reports.map((report) => report.line && SEVERITY[report.line.severity]),
        reports.map((report) => report.line?.message ?? null),
        reports.map((report) => report.line?.visible ?? null),
        reports.map(({ shown }) => (shown ? storableJson(shown.sentHeaders) : null)),
        reports.map(({ shown }) => (shown?.answer ? storableJson(shown.answer.headers) : null)),
        reports.map(({ shown }) => (shown?.answer ? storableText(shown.answer.body) : null)),
      ],
    );
    return rows.map((row) => row.id);
  }

  /** sending -> pending where the lease ran out, or exhausted when that was the last try. The try counts: it may have arrived. */
  async expire(limit: number, maxAttempts: number): Promise<{ id: string; state: DeliveryState }[]> {
    return this.sql.query(
      `WITH late AS MATERIALIZED (
         SELECT id FROM delivery WHERE state = 'sending' AND lease_expires_at < statement_timestamp()
         ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
       ), lost AS (
         UPDATE delivery d SET
           state = CASE WHEN d.attempts - d.attempts_before < COALESCE(d.max_attempts, $2) THEN 'pending' ELSE 'exhausted' END,
           finished_at = CASE WHEN d.attempts - d.attempts_before < COALESCE(d.max_attempts, $2) THEN NULL ELSE clock_timestamp() END,
           next_at = clock_timestamp(), last_status = NULL, last_error = $3, token = NULL, lease_expires_at = NULL
         FROM late WHERE d.id = late.id AND d.state = 'sending' RETURNING d.id, d.state, d.attempts, d.job_id, d.task_id, d.event, d.kind
       ), tried AS (
         INSERT INTO delivery_attempt (delivery_id, number, error, milliseconds) SELECT id, attempts, $3, 0 FROM lost
       ), logged AS (
         INSERT INTO job_log (job_id, task_id, severity, progname, message, visible)
         SELECT job_id, task_id, CASE state WHEN 'pending' THEN ${SEVERITY.WARN} ELSE ${SEVERITY.ERROR} END, 'callback',
                'callback ' || event || ': ' || $3 || CASE state WHEN 'pending' THEN '' ELSE '; given up' END, state <> 'pending'
         FROM lost WHERE kind <> 'event'
       )
       SELECT id, state FROM lost`,
      [limit, maxAttempts, 'the dispatcher died while it was sending'],
    );
  }

  /** Seconds until a delivery becomes due or a lease runs out; null when nothing lies ahead. */
  async secondsToNextDue(): Promise<number | null> {
    const [row] = await this.sql.query<{ seconds: number | null }>(
      `SELECT extract(epoch FROM LEAST(
         (SELECT next_at FROM delivery WHERE state = 'pending' AND next_at > statement_timestamp() ORDER BY next_at LIMIT 1),
         (SELECT min(lease_expires_at) FROM delivery WHERE state = 'sending')
       ) - clock_timestamp())::float8 AS seconds`,
    );
    return row?.seconds ?? null;
  }

  /** What is not finished, and how long the oldest of what is due has been due. */
  async backlog(): Promise<{ pending: number; sending: number; oldestSeconds: number }> {
    const [row] = await this.sql.query<{ pending: number; sending: number; oldestSeconds: number }>(
      `SELECT (SELECT count(*)::int FROM delivery WHERE state = 'pending') AS pending,
              (SELECT count(*)::int FROM delivery WHERE state = 'sending') AS sending,
              COALESCE(GREATEST(extract(epoch FROM statement_timestamp() - (SELECT min(next_at) FROM delivery WHERE state = 'pending')), 0), 0)::float8
                AS "oldestSeconds"`,
    );
    return row!;
  }

  async list(filter: DeliveryFilter): Promise<DeliveryRecord[]> {
    return this.sql.query<DeliveryRecord>(
      `SELECT d.id, d.message_id AS "messageId", c.name AS client, d.job_id AS "jobId", d.task_id AS "taskId", d.event, d.url, d.state,
              d.attempts, d.next_at AS "nextAt", d.last_status AS "lastStatus", d.last_error AS "lastError",
              d.created_at AS "createdAt", d.finished_at AS "finishedAt"
       FROM delivery d JOIN client c ON c.id = d.client_id
       WHERE ($1::text IS NULL OR d.state = $1) AND ($2::text IS NULL OR c.name = $2) AND ($3::bigint IS NULL OR d.job_id = $3)
       ORDER BY d.id DESC LIMIT $4`,
      [filter.state ?? null, filter.client ?? null, filter.jobId ?? null, filter.limit],
    );
  }

  /** Final -> pending, due now, the tries counted anew, under the same message id. Answers the ids that changed. */
  async replay(ids: string[]): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `UPDATE delivery SET state = 'pending', attempts_before = attempts, next_at = clock_timestamp(), finished_at = NULL
       WHERE id = ANY($1::bigint[]) AND state IN (${FINAL.map((state) => `'${state}'`).join(', ')}) RETURNING id`,
      [ids],
    );
    return rows.map((row) => row.id);
  }

  /** Makes waiting deliveries due now. Answers the ids that changed. */
  async retryNow(ids: string[]): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `UPDATE delivery SET next_at = clock_timestamp()
       WHERE id = ANY($1::bigint[]) AND state = 'pending' AND next_at > clock_timestamp() RETURNING id`,
      [ids],
    );
    return rows.map((row) => row.id);
  }
}

/** Scheme, host and port: what counts as one endpoint. Empty for what is no URL; the dispatcher will refuse it. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin.slice(0, MAX_ORIGIN) : '';
}
