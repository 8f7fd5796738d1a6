import { DELIVERY_STATES, DELIVERY_TRANSITIONS, type DeliveryKind, type DeliveryState } from '@task-engine/domain';

/** What a dispatcher gets with its lease. */
export interface ClaimedDelivery {
  id: string;
  token: string;
  /** The same on every try, replays included. */
  messageId: string;
  client: string;
  /** `whsec_...` of the client, or what its webhook is signed with; null when nothing is signed. Never log it. */
  signingSecret: string | null;
  /** The client's own headers. Values may be secrets: never log them. */
  clientHeaders: Record<string, string>;
  /** Null for an event, which may be of no job, or of one that is gone. */
  definitionDigest: string | null;
  /** Of an event: its webhook was removed, nobody wants it any more. */
  unwanted: boolean;
  jobId: string;
  taskId: string;
  event: string;
  url: string;
  origin: string;
  body: string;
  headers: Record<string, string>;
  verifyTls: boolean;
  kind: DeliveryKind;
  maxAttempts: number | null;
  /** Number of this try since the last replay, from 1. */
  attempt: number;
  createdAt: Date;
}

export interface ClaimOptions {
  /** Deliveries wanted at most. */
  limit: number;
  /** Of one origin, those that are being sent by the caller included. */
  perOrigin: number;
  /** What the caller is sending now, by origin. */
  busy: ReadonlyMap<string, number>;
  /**
   * Free places up to which an origin may take all its room. When fewer are free it may take a share of it, and at last only a first
   * request: origins that hang cannot fill all places as long as they are fewer than these.
   */
  ample: number;
  leaseSeconds: number;
  /** Lines of the job log that say which definitions an event used. */
  lines: { common: string; client: string };
}

/** Candidates looked at for one origin in one claim: bounds the walk past those that wait for an earlier one of their job. */
const WINDOW = 200;

/** Names of states as an SQL list, taken from the transition table. */
function statesBefore(to: DeliveryState): string {
  const states = DELIVERY_STATES.filter((from) =>
    (DELIVERY_TRANSITIONS[from] as readonly DeliveryState[]).includes(to),
  );
  return states.map((state) => `'${state}'`).join(', ');
}

/** The statement of `DeliveryStore.claim`, which says what it does. Parameters as it gives them. */
export const CLAIM = `WITH RECURSIVE origins (origin) AS (
  (SELECT origin FROM delivery WHERE state = 'pending' ORDER BY origin LIMIT 1)
  UNION ALL
  SELECT (SELECT d.origin FROM delivery d WHERE d.state = 'pending' AND d.origin > o.origin ORDER BY d.origin LIMIT 1)
  FROM origins o WHERE o.origin IS NOT NULL
), room AS (
  -- what an origin may have under way with all free places still free: fewer are not worth the look
  SELECT origin, most - COALESCE(busy.n, 0) AS n, COALESCE(busy.n, 0) AS busy
  FROM origins LEFT JOIN unnest($2::text[], $3::int[]) AS busy (origin, n) USING (origin)
       CROSS JOIN LEAST($1::int, GREATEST(1, ceil($1 * $4::float8 / $8))::int) AS most
  WHERE origin IS NOT NULL AND COALESCE(busy.n, 0) < most
), ranked AS (
  -- who has nothing under way comes first
  SELECT ready.id, room.busy + ready.n AS rank,
         row_number() OVER (ORDER BY room.busy + ready.n, ready.next_at, ready.id) AS place
  FROM room CROSS JOIN LATERAL (
    SELECT d.id, d.next_at, row_number() OVER (ORDER BY d.next_at, d.id) AS n FROM (
      SELECT id, next_at, job_id, url, attempts FROM delivery
      WHERE state = 'pending' AND origin = room.origin AND next_at <= statement_timestamp()
      ORDER BY next_at, id LIMIT ${WINDOW}
    ) d
    WHERE d.attempts > 0 OR d.job_id = 0 OR NOT EXISTS (
      SELECT FROM delivery e WHERE e.job_id = d.job_id AND e.id < d.id AND e.state IN ('pending', 'sending') AND e.url = d.url
        AND (e.state = 'sending' OR e.attempts = 0)
    )
    ORDER BY d.next_at, d.id LIMIT room.n
  ) ready
), due AS MATERIALIZED (
  SELECT id FROM ranked
  WHERE place <= $4 AND rank <= GREATEST(1, ceil($1 * ($4 - place + 1) / $8))
  ORDER BY place
), held AS MATERIALIZED (
  SELECT id, announces FROM delivery WHERE id IN (SELECT id FROM due) AND state IN (${statesBefore('sending')})
  ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
), claimed AS (
  UPDATE delivery d SET state = 'sending', attempts = d.attempts + 1, announces = false, token = nextval('lease_token'),
         lease_expires_at = clock_timestamp() + make_interval(secs => $5)
  FROM held WHERE d.id = held.id AND d.state IN (${statesBefore('sending')})
  RETURNING d.*, held.announces AS announced
), logged AS (
  INSERT INTO job_log (job_id, task_id, progname, message)
  SELECT c.job_id, c.task_id, 'callback', CASE f.body->>'source' WHEN 'client' THEN $7 ELSE $6 END
  FROM claimed c JOIN job j ON j.id = c.job_id JOIN definition f ON f.digest = j.definition_digest
  WHERE c.announced ORDER BY c.id
)
SELECT (SELECT count(*)::int FROM due) AS due, c.id, c.token, c.message_id AS "messageId", cl.name AS client,
       CASE c.kind WHEN 'event' THEN w.secret ELSE cl.signing_secret END AS "signingSecret",
       c.kind = 'event' AND w.id IS NULL AS unwanted, cl.callback_headers AS "clientHeaders", j.definition_digest AS "definitionDigest",
       c.job_id AS "jobId", c.task_id AS "taskId", c.event, c.url, c.origin, c.body, c.headers, c.verify_tls AS "verifyTls", c.kind,
       c.max_attempts AS "maxAttempts",
       c.attempts - c.attempts_before AS attempt, c.created_at AS "createdAt"
FROM (SELECT) AS always
LEFT JOIN (
  claimed c JOIN client cl ON cl.id = c.client_id LEFT JOIN webhook w ON w.id = c.webhook_id LEFT JOIN job j ON j.id = c.job_id
) ON true
ORDER BY c.id`;
