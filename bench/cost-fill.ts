import { GRAPH_LANE } from '@task-engine/database';

/** Runs one statement on a connection. */
export type Run = (text: string, parameters?: unknown[]) => Promise<{ rows: Record<string, string>[] }>;

export interface Filling {
  jobs: number;
  /** Rows of one statement [100000]. */
  chunk?: number;
  /** Shorter parameters and one log row for each job: half the time, the same plans. */
  light?: boolean;
  /** They are tasks of /api/tasks: each waited for the two before it, which most have done. */
  graph?: boolean;
  /** After each chunk. */
  progress?: (jobs: number) => void;
}

/** Jobs that are not over, and how many of them there are in a filling of `jobs`: a tenth of a small one, some thousand of a large one. */
export function openJobs(jobs: number): { queued: number; scheduled: number; started: number; paused: number } {
  const of = (share: number, most: number) => Math.min(most, Math.floor(jobs * share));
  return { queued: of(0.05, 2_000), scheduled: of(0.03, 1_000), started: of(0.01, 200), paused: of(0.01, 100) };
}

/** The client that only every 50,000th job belongs to. */
export const RARE_CLIENT = 'client-rare';
/** Content id of the n-th job of a filling. */
export const contentIdOf = (n: number) => `asset-${((n * 2654435761) % 4294967296).toString(16).padStart(8, '0')}-${n}`;

/** Content id of job `i` in SQL; `contentIdOf` in the same words. */
const CONTENT_ID = `'asset-' || lpad(to_hex((i * 2654435761) % 4294967296), 8, '0') || '-' || i`;

/**
 * Fills an empty, migrated database with jobs as they lie there after a month: most of them finished, each with its transitions, tasks,
 * executions, log rows, a tenth with callbacks; 2 % failed, 5 % with a second try; 20 clients of very different size, 5 workflows. The
 * newest are queued, scheduled, started (by a worker that never answers, under a lease of a day) and paused.
 *
 * @param run of ONE connection of a superuser: foreign keys are not checked while it writes (session_replication_role)
 */
export async function fillJobs(
  run: Run,
  { jobs, chunk = 100_000, light = false, graph = false, progress }: Filling,
): Promise<void> {
  await run(`SET session_replication_role = replica`);
  await run(`SET maintenance_work_mem = '512MB'`);
  for (const statement of TENANTS) await run(statement);
  const indexes = jobs > chunk ? (await run(INDEXES)).rows : [];
  if (indexes.length > 0) await run(`DROP INDEX ${indexes.map(({ name }) => name).join(', ')}`);
  const open = openJobs(jobs);
  const bounds = [open.queued, open.scheduled, open.started, open.paused];
  for (let from = 1; from <= jobs; from += chunk) {
    const to = Math.min(jobs, from + chunk - 1);
    await run('BEGIN');
    await run(JOBS, [from, to, jobs, ...bounds, light, graph ? GRAPH_LANE : 'engine']);
    for (const statement of [...ROWS, ...(graph ? GRAPH_ROWS : [])]) await run(statement, [from, to]);
    await run(LOG_ROWS, [from, to, light ? 1 : 4]);
    await run('COMMIT');
    progress?.(to);
  }
  for (const { definition } of indexes) await run(definition!);
  for (const statement of [...AFTER, ...(graph ? AFTER_GRAPH : [])]) await run(statement);
  await run(`SET session_replication_role = origin`);
}

const TENANTS = [
  `INSERT INTO client (name) SELECT 'client-' || n FROM generate_series(1, 18) AS n
   UNION ALL SELECT 'demo-client' UNION ALL SELECT '${RARE_CLIENT}' ON CONFLICT DO NOTHING`,
  // A definition that is there already (a job was submitted through the gateway) is the one that works.
  `INSERT INTO definition (digest, workflow, body)
   SELECT 'filled-' || name, name, '{"timeout": 0, "tasks": []}' FROM unnest(ARRAY['noop', 'sleep', 'steps', 'fail', 'flaky']) AS name
   WHERE NOT EXISTS (SELECT FROM definition d WHERE d.workflow = name)`,
];

/** $1 and $2: first and last number; $3: jobs in all; $4 to $7: how many of the last are queued, scheduled, started, paused; $8: short parameters; $9: lane. */
const JOBS = `
  WITH numbered AS (
    SELECT i, $3::bigint - i AS age, hashint8(i) & 2147483647 AS h, hashint8(i + 7777777) & 2147483647 AS h2
    FROM generate_series($1::bigint, $2::bigint) AS i
  ), kinds AS (
    SELECT *, CASE WHEN age < $4 THEN 'queued' WHEN age < $4 + $5 THEN 'scheduled' WHEN age < $4 + $5 + $6 THEN 'started'
                   WHEN age < $4 + $5 + $6 + $7 THEN 'paused'
                   WHEN h % 50 = 0 THEN 'failed' WHEN h % 1000 = 1 THEN 'broken' ELSE 'completed' END AS state,
           now() - interval '29 days' * ((age + 1)::float8 / $3) AS at,
           CASE WHEN age < $4 THEN 'noop'
                ELSE (ARRAY['noop', 'noop', 'noop', 'noop', 'noop', 'noop', 'sleep', 'steps', 'fail', 'flaky'])[1 + h2 % 10] END AS name,
           CASE WHEN i % 50000 = 100 THEN '${RARE_CLIENT}' WHEN h % 2 = 0 THEN 'demo-client'
                ELSE 'client-' || (1 + floor(18 * power((h2 % 1000) / 1000.0, 2)))::int END AS owner
    FROM numbered
  )
  INSERT INTO job (id, lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, wait_reason, run_at, persist,
                   error, created_at, updated_at, started_at, finished_at)
  SELECT k.i, (SELECT id FROM lane WHERE name = $9), c.id, k.name, d.digest, body, body,
         CASE WHEN h % 10 < 7 THEN 5 ELSE 1 + h2 % 10 END, state,
         CASE state WHEN 'queued' THEN 'LaneFull' WHEN 'scheduled' THEN 'RunAt' WHEN 'paused' THEN 'JobPaused' END,
         CASE state WHEN 'scheduled' THEN now() + interval '1 day' + make_interval(secs => h % 86400) ELSE at END,
         h % 100 = 3, CASE state WHEN 'failed' THEN 'task failed' END, at, at + interval '1 second',
         CASE WHEN state NOT IN ('queued', 'scheduled') THEN at + interval '0.3 second' END,
         CASE WHEN state IN ('completed', 'failed', 'broken') THEN at + interval '1 second' END
  FROM kinds k JOIN client c ON c.name = k.owner
       JOIN LATERAL (SELECT digest FROM definition WHERE workflow = k.name ORDER BY digest LIMIT 1) d ON true
       CROSS JOIN LATERAL (SELECT CASE WHEN $8 THEN jsonb_build_object('content_id', ${CONTENT_ID}, 'source', 'channel-' || (h2 % 300) || '/index.m3u8')
         ELSE jsonb_build_object('content_id', ${CONTENT_ID},
         'output_folder', '/vod/' || (h % 500) || '/' || i, 'storage', 'local', 'seconds', h % 30,
         'clips', jsonb_build_array(jsonb_build_object('source', 'https://origin-' || (h % 20) || '.example.com/live/channel-' || (h2 % 300)
           || '/index.m3u8', 'start', to_char(at - interval '2 hours', 'YYYY-MM-DD"T"HH24:MI:SS'),
           'end', to_char(at - interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS')))) END AS body) p
  ORDER BY k.i`;

const STARTED = `j.id BETWEEN $1 AND $2 AND j.started_at IS NOT NULL`;

/** What belongs to the jobs from $1 to $2. */
const ROWS = [
  `INSERT INTO job_transition (job_id, from_state, to_state, reason, at)
   SELECT j.id, t.from_state, t.to_state, t.reason, j.created_at + t.after FROM job j CROSS JOIN LATERAL (VALUES
     (NULL, CASE j.state WHEN 'scheduled' THEN 'scheduled' ELSE 'queued' END, 'submitted', interval '0', true),
     ('queued', 'started', 'admitted', interval '0.3 second', j.started_at IS NOT NULL),
     ('started', j.state, 'every task is done', interval '1 second', j.finished_at IS NOT NULL OR j.state = 'paused')
   ) AS t (from_state, to_state, reason, after, happened) WHERE j.id BETWEEN $1 AND $2 AND t.happened ORDER BY j.id, t.after`,
  `INSERT INTO task (job_id, ordinal, name, queue, state, tries, output, error, created_at, started_at, finished_at)
   SELECT j.id, 0, j.workflow, 'work',
          CASE j.state WHEN 'started' THEN 'started' WHEN 'paused' THEN 'started' WHEN 'completed' THEN 'completed' ELSE 'failed' END,
          0, '{}', j.error, j.started_at, j.started_at, j.finished_at
   FROM job j WHERE ${STARTED} ORDER BY j.id`,
  `INSERT INTO execution (task_id, job_id, queue, state, cause, token, worker_id, available_at, lease_expires_at, started_at,
                          finished_at)
   SELECT t.id, j.id, 'work',
          CASE WHEN last AND j.finished_at IS NULL THEN 'running' WHEN last AND j.state = 'completed' THEN 'succeeded' ELSE 'failed' END,
          CASE n WHEN 1 THEN 'first' ELSE 'retry' END, nextval('lease_token'), '00000000-0000-4000-8000-000000000000', j.started_at,
          CASE WHEN last AND j.finished_at IS NULL THEN now() + interval '1 day' END, j.started_at, j.finished_at
   FROM job j JOIN task t ON t.job_id = j.id
        CROSS JOIN LATERAL (SELECT n, n = tries AS last FROM (SELECT CASE WHEN j.id % 20 = 0 THEN 2 ELSE 1 END AS tries) AS tries,
                            generate_series(1, tries) AS n) AS e
   WHERE ${STARTED} ORDER BY j.id, n`,
  `INSERT INTO job_search (job_id, body) SELECT id, submitted::text FROM job WHERE id BETWEEN $1 AND $2 ORDER BY id`,
  `INSERT INTO delivery (message_id, client_id, job_id, event, url, origin, body, state, attempts, next_at, last_status, created_at, finished_at)
   SELECT 'msg_filled_' || j.id, j.client_id, j.id, 'job', 'https://cms.example.com/hook', 'https://cms.example.com', '{"status":"completed"}',
          CASE WHEN j.id % 1000 = 0 THEN 'exhausted' ELSE 'delivered' END, 1, j.finished_at, 200, j.finished_at, j.finished_at
   FROM job j WHERE j.id BETWEEN $1 AND $2 AND j.id % 10 = 0 AND j.finished_at IS NOT NULL ORDER BY j.id`,
  `INSERT INTO delivery_attempt (delivery_id, number, at, status, milliseconds)
   SELECT d.id, 1, d.finished_at, 200, 12 FROM delivery d WHERE d.job_id BETWEEN $1 AND $2 ORDER BY d.id`,
];

/** What graph tasks have beside. */
const GRAPH_ROWS = [
  `INSERT INTO graph_task (job_id, client_id, name, description, command, max_retries, timeout_seconds, tags, worker_tags, dependencies,
                           checkpoint_enabled)
   SELECT j.id, j.client_id, j.workflow || '-' || j.id, 'filled', 'true', 3, 3600, ARRAY['all', 'batch-' || j.id % 1000], '{}',
          CASE WHEN j.id > 2 THEN ARRAY[j.id - 2, j.id - 1] ELSE '{}' END, j.id % 10 = 0
   FROM job j WHERE j.id BETWEEN $1 AND $2 ORDER BY j.id`,
];

const AFTER_GRAPH = [
  `INSERT INTO graph_hour (hour, worker_id, completed, failed, run_seconds)
   SELECT date_trunc('hour', finished_at, 'UTC'), '00000000-0000-4000-8000-000000000000', count(*) FILTER (WHERE state = 'completed'),
          count(*) FILTER (WHERE state = 'failed'), COALESCE(sum(EXTRACT(EPOCH FROM finished_at - started_at)) FILTER (WHERE state = 'completed'), 0)
   FROM job WHERE finished_at IS NOT NULL GROUP BY 1`,
  `VACUUM (ANALYZE) graph_task, graph_hour`,
];

/** $3: rows for each job. */
const LOG_ROWS = `INSERT INTO job_log (job_id, task_id, progname, message, created_at, updated_at)
   SELECT j.id, 0, l.progname, l.message, j.created_at, j.created_at FROM job j CROSS JOIN LATERAL (VALUES
     (1, 'api', 'Received: ' || left(j.submitted::text, 100)), (2, 'worker', 'No client definitions. Using common definitions.'),
     (3, 'worker', 'Starting task ' || j.workflow), (4, 'controller', 'job is done')
   ) AS l (n, progname, message) WHERE j.id BETWEEN $1 AND $2 AND l.n <= $3 AND (l.n = 1 OR j.started_at IS NOT NULL) ORDER BY j.id, l.n`;

/** What is quicker built at the end than kept up: every index that is no constraint. */
const INDEXES = `
  SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
  WHERE i.indrelid IN ('job'::regclass, 'job_transition'::regclass, 'task'::regclass, 'execution'::regclass, 'job_log'::regclass,
                       'delivery'::regclass, 'job_search'::regclass) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
  ORDER BY 1`;

/** The sequence behind the ids that were given, and statistics as autovacuum makes them. */
const AFTER = [
  `SELECT setval(pg_get_serial_sequence('job', 'id'), (SELECT max(id) FROM job))`,
  `UPDATE counter SET value = (SELECT max(id) FROM job) WHERE name = 'mark:job_search'`,
  `VACUUM (ANALYZE) client, counter, job_search, definition, job, job_transition, task, execution, job_log, delivery, delivery_attempt`,
];
