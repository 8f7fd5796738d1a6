import { GRAPH_JOB_TRANSITIONS, JOB_TRANSITIONS, type JobState, type JsonObject } from '@task-engine/domain';
import { bigints, type Sql, unindexed, unseen } from '../sql';
import { storableJson, storableText } from '../storable';
import type { Lease } from './execution.store';

/** A graph task to be, with its job: a row of each. */
export interface NewGraphTaskRow {
  /** Reserved before; undefined: a new one. */
  id?: string;
  laneId: number;
  clientId: number;
  workflow: string;
  definitionDigest: string;
  parameters: JsonObject;
  /** As the engine counts: smaller first. */
  priority: number;
  name: string;
  description: string | null;
  command: string;
  maxRetries: number;
  timeoutSeconds: number;
  scheduledAt: Date | null;
  tags: string[];
  workerTags: string[];
  /** Without repetitions. */
  dependencies: string[];
  /** Those of them that are not completed. The caller holds their locks. */
  unmet: string[];
  checkpointEnabled: boolean;
}

/** What a client may change of a task that waits. */
export type ChangedGraphTaskRow = Pick<
  NewGraphTaskRow,
  | 'laneId'
  | 'definitionDigest'
  | 'parameters'
  | 'priority'
  | 'name'
  | 'description'
  | 'maxRetries'
  | 'timeoutSeconds'
  | 'scheduledAt'
  | 'tags'
  | 'workerTags'
  | 'dependencies'
> & { id: string; queue: string; reschedule: boolean };

/** A task that others may depend on. */
export interface ParentTask {
  id: string;
  clientId: number;
  completed: boolean;
}

/** A task that waits no more for others. */
export interface ReleasedTask {
  id: string;
  laneId: number;
  state: Extract<JobState, 'queued' | 'scheduled'>;
}

/** Where a task stands that waits for nothing but a slot or its time, by the columns of its job. */
const FREE = `CASE WHEN job.run_at > statement_timestamp() THEN 'scheduled' ELSE 'queued' END`;
const FREE_REASON = `CASE WHEN job.run_at > statement_timestamp() THEN 'RunAt' END`;

/** States of a task's job from which a change by its client may lead to any of these. A paused one stays where it is. */
const CHANGEABLE = statesLeadingTo(['pending', 'scheduled', 'queued'], ['pending', 'scheduled', 'queued', 'started']);

/**
 * Graph tasks. The lock of a parent's job row is what keeps `graph_edge` and `graph_wait` true: who completes a task holds it, and who adds
 * or takes away an edge of an open task shares it. So each is either seen as completed, or finds its children.
 */
export class GraphTaskStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Locks those of these that are graph tasks: until the end of the transaction none of them completes. In the order of their ids, but those
   * that wait for others last: who completes a task holds it and then locks its children, which may be older than it.
   */
  async lockParents(ids: string[]): Promise<ParentTask[]> {
    return this.sql.prepared<ParentTask>(
      `SELECT j.id, j.client_id AS "clientId", j.state = 'completed' AS completed FROM job j JOIN graph_task g ON g.job_id = j.id
       WHERE j.id = ANY(${unseen('$1', 'bigint[]')}) ORDER BY j.state = 'pending', j.id FOR SHARE OF j`,
      [bigints(ids)],
    );
  }

  /** The same for all that a task depends on. */
  async lockParentsOf(id: string): Promise<void> {
    await this.sql.query(
      `SELECT FROM job WHERE id = ANY(ARRAY(SELECT unnest(dependencies) FROM graph_task WHERE job_id = $1))
       ORDER BY state = 'pending', id FOR SHARE`,
      [id],
    );
  }

  async reserveIds(count: number): Promise<string[]> {
    const rows = await this.sql.prepared<{ id: string }>(
      `SELECT nextval(pg_get_serial_sequence('job', 'id')) AS id FROM generate_series(1, $1::int)`,
      [count],
    );
    return rows.map(({ id }) => id);
  }

  /** Tasks with their jobs, in one statement. Edges of those that have unmet dependencies are added by `addEdges`. In the order given. */
  async insert(tasks: NewGraphTaskRow[]): Promise<{ id: string; state: JobState; at: Date }[]> {
    if (tasks.length === 0) return [];
    return this.sql.prepared(
      `WITH new AS MATERIALIZED (
         SELECT COALESCE(r.given, nextval(pg_get_serial_sequence('job', 'id'))) AS id, now() AS at, r.*,
                CASE WHEN unmet > 0 THEN 'pending' WHEN scheduled_at > clock_timestamp() THEN 'scheduled' ELSE 'queued' END AS state
         FROM unnest($1::bigint[], $2::int[], $3::int[], $4::text[], $5::text[], $6::jsonb[], $7::smallint[], $8::text[], $9::text[], $10::text[],
                     $11::smallint[], $12::int[], $13::timestamptz[], $14::text[], $15::text[], $16::text[], $17::int[], $18::boolean[])
              WITH ORDINALITY AS r (given, lane_id, client_id, workflow, digest, parameters, priority, name, description, command, max_retries,
                                    timeout_seconds, scheduled_at, tags, worker_tags, dependencies, unmet, checkpoint_enabled, n)
       ), jobs AS (
         INSERT INTO job (id, lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, wait_reason, run_at,
                          created_at, updated_at)
         SELECT id, lane_id, client_id, workflow, digest, '{}', parameters, priority, state,
                CASE state WHEN 'pending' THEN 'Dependency' WHEN 'scheduled' THEN 'RunAt' END, COALESCE(scheduled_at, at), at, at FROM new
       ), kept AS (
         INSERT INTO graph_task (job_id, client_id, name, description, command, max_retries, timeout_seconds, scheduled_at, tags, worker_tags,
                                 dependencies, checkpoint_enabled)
         SELECT id, client_id, name, description, command, max_retries, timeout_seconds, scheduled_at,
                ${TEXTS('tags')}, ${TEXTS('worker_tags')}, dependencies::bigint[], checkpoint_enabled FROM new
       ), waits AS (
         INSERT INTO graph_wait (job_id, unmet) SELECT id, unmet FROM new WHERE unmet > 0
       ), moved AS (
         INSERT INTO job_transition (job_id, to_state, reason) SELECT id, state, 'submitted' FROM new
       )
       SELECT id, state, at FROM new ORDER BY n`,
      [
        tasks.map((task) => task.id ?? null),
        bigints(tasks.map((task) => task.laneId)),
        bigints(tasks.map((task) => task.clientId)),
        tasks.map((task) => task.workflow),
        tasks.map((task) => task.definitionDigest),
        tasks.map((task) => storableJson(task.parameters)),
        bigints(tasks.map((task) => task.priority)),
        tasks.map((task) => storableText(task.name)),
        tasks.map((task) => (task.description === null ? null : storableText(task.description))),
        tasks.map((task) => storableText(task.command)),
        bigints(tasks.map((task) => task.maxRetries)),
        bigints(tasks.map((task) => task.timeoutSeconds)),
        tasks.map((task) => task.scheduledAt),
        tasks.map((task) => textsOf(task.tags)),
        tasks.map((task) => textsOf(task.workerTags)),
        tasks.map((task) => bigints(task.dependencies)),
        bigints(tasks.map((task) => task.unmet.length)),
        tasks.map((task) => task.checkpointEnabled),
      ],
    );
  }

  /** What tasks wait for. The caller shares the locks of the parents. */
  async addEdges(edges: { parentId: string; jobId: string }[]): Promise<void> {
    if (edges.length === 0) return;
    await this.sql.prepared(
      `INSERT INTO graph_edge (parent_id, job_id) SELECT * FROM unnest($1::bigint[], $2::bigint[])`,
      [bigints(edges.map(({ parentId }) => parentId)), bigints(edges.map(({ jobId }) => jobId))],
    );
  }

  /**
   * Tasks that have completed: those that waited for them wait for one less, and for whom they were the last goes on. The caller holds the
   * locks of the completed ones. Costs what these have as children, however many each of them still waits for.
   */
  async release(completed: string[]): Promise<ReleasedTask[]> {
    if (completed.length === 0) return [];
    return this.sql.prepared<ReleasedTask>(
      `WITH met AS (DELETE FROM graph_edge WHERE parent_id = ANY(${unseen('$1', 'bigint[]')}) RETURNING job_id),
       -- in the order of their ids, so that two who count never wait for each other
       waiting AS MATERIALIZED (
         SELECT w.job_id, met_of.n FROM (SELECT job_id, count(*)::int AS n FROM met GROUP BY job_id) met_of JOIN graph_wait w USING (job_id)
         ORDER BY w.job_id FOR NO KEY UPDATE OF w
       ), counted AS (
         UPDATE graph_wait w SET unmet = w.unmet - waiting.n FROM waiting WHERE w.job_id = waiting.job_id RETURNING w.job_id, w.unmet
       ), free AS MATERIALIZED (
         SELECT j.id FROM counted JOIN job j ON j.id = counted.job_id WHERE counted.unmet <= 0 AND ${unindexed(`j.state = 'pending'`)}
         ORDER BY j.id FOR NO KEY UPDATE OF j
       ), released AS (
         UPDATE job SET state = ${FREE}, wait_reason = ${FREE_REASON}, updated_at = now()
         FROM free WHERE job.id = free.id AND ${unindexed(`job.state = 'pending'`)} RETURNING job.id, job.lane_id, job.state
       ), moved AS (
         INSERT INTO job_transition (job_id, from_state, to_state, reason)
         SELECT id, 'pending', state, 'what it depends on has completed' FROM released
       )
       SELECT id, lane_id AS "laneId", state FROM released`,
      [bigints(completed)],
    );
  }

  /** started -> scheduled: a try has failed, and the next one comes after so many seconds. The caller holds the locks. */
  async backOff(tasks: { id: string; seconds: number }[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.sql.prepared(
      `WITH changed AS (
         UPDATE job SET state = 'scheduled', wait_reason = 'Backoff', run_at = clock_timestamp() + make_interval(secs => b.seconds),
                        updated_at = now()
         FROM unnest(${unseen('$1', 'bigint[]')}, $2::float8[]) AS b (id, seconds)
         WHERE job.id = b.id AND ${unindexed(`job.state = 'started'`)} RETURNING job.id
       ), anew AS (
         UPDATE task SET started_at = NULL FROM changed WHERE task.job_id = changed.id
       )
       INSERT INTO job_transition (job_id, from_state, to_state, reason) SELECT id, 'started', 'scheduled', 'a try failed' FROM changed`,
      [bigints(tasks.map(({ id }) => id)), tasks.map(({ seconds }) => seconds)],
    );
  }

  /** Tasks that wait for a worker once more: what is shown as their start is that of the next try. The caller holds the locks. */
  async beginAnew(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.sql.query(
      `WITH anew AS (UPDATE task SET started_at = NULL WHERE job_id = ANY($1::bigint[]) AND state = 'queued' RETURNING job_id)
       UPDATE job SET updated_at = now() FROM anew WHERE job.id = anew.job_id`,
      [bigints(ids)],
    );
  }

  /** Until the end of the transaction nobody else holds it so: who changes what tasks of this client depend on. */
  async lockClient(clientId: number): Promise<void> {
    await this.sql.query(`SELECT FROM client WHERE id = $1 FOR NO KEY UPDATE`, [clientId]);
  }

  /** Whether the task is the client's, and if so locks it: what a further statement reads of its job stays so until the end of the transaction. */
  async hold(id: string, clientId: number): Promise<boolean> {
    const rows = await this.sql.query(
      `SELECT FROM job j WHERE j.id = $1 AND EXISTS (SELECT FROM graph_task g WHERE g.job_id = j.id AND g.client_id = $2) FOR NO KEY UPDATE`,
      [id, clientId],
    );
    return rows.length === 1;
  }

  /** Writes all that a client may change; `settle` follows. The caller holds the task, of which no execution runs or can be taken. */
  async change(task: ChangedGraphTaskRow): Promise<void> {
    await this.sql.query(
      `WITH changed AS (
         UPDATE job SET lane_id = $2, definition_digest = $3, parameters = $4, priority = $5,
                run_at = CASE WHEN NOT $12 THEN run_at WHEN wait_reason = 'Backoff' THEN GREATEST(run_at, $9::timestamptz)
                              ELSE COALESCE($9::timestamptz, clock_timestamp()) END
         WHERE id = $1
       ), step AS (
         UPDATE task SET queue = $14 WHERE job_id = $1 AND queue <> $14
       ), waiting AS (
         UPDATE execution SET queue = $14 WHERE job_id = $1 AND ${unindexed(`state = 'queued'`)} AND queue <> $14
       )
       UPDATE graph_task SET name = $6, description = $7, max_retries = $8, scheduled_at = $9, timeout_seconds = $10, tags = $11,
              worker_tags = $13, dependencies = $15::bigint[]
       WHERE job_id = $1`,
      [
        task.id,
        task.laneId,
        task.definitionDigest,
        storableJson(task.parameters),
        task.priority,
        storableText(task.name),
        task.description === null ? null : storableText(task.description),
        task.maxRetries,
        task.scheduledAt,
        task.timeoutSeconds,
        task.tags.map(storableText),
        task.reschedule,
        task.workerTags,
        task.queue,
        bigints(task.dependencies),
      ],
    );
  }

  /** A task waits for these from now on, and for nothing else. Before `change`; the caller shares the locks of all, the earlier ones too. */
  async replaceEdges(id: string, unmet: string[]): Promise<void> {
    await this.sql.query(
      `DELETE FROM graph_edge e USING (SELECT unnest(dependencies) AS parent_id FROM graph_task WHERE job_id = $1) d
       WHERE e.parent_id = d.parent_id AND e.job_id = $1`,
      [id],
    );
    await this.addEdges(unmet.map((parentId) => ({ parentId, jobId: id })));
    await this.sql.query(
      `INSERT INTO graph_wait (job_id, unmet) VALUES ($1, $2) ON CONFLICT (job_id) DO UPDATE SET unmet = EXCLUDED.unmet`,
      [id, unmet.length],
    );
  }

  /**
   * Brings a task that waits to where it stands after a change. One that has a slot keeps it unless it has to wait for something else.
   * @param anew it has to ask for a slot again
   */
  async settle(id: string, anew: boolean): Promise<{ before: JobState; after: JobState } | undefined> {
    const rows = await this.sql.query<{ before: JobState; after: JobState }>(
      `WITH now AS (
         SELECT job.id, job.state AS before,
                CASE WHEN w.unmet > 0 THEN 'pending' WHEN job.run_at <= statement_timestamp() AND job.state = 'started' AND NOT $2 THEN 'started'
                     ELSE ${FREE} END AS after,
                job.wait_reason = 'Backoff' AND (g.scheduled_at IS NULL OR g.scheduled_at < job.run_at) AS backing_off
         FROM job JOIN graph_task g ON g.job_id = job.id LEFT JOIN graph_wait w ON w.job_id = job.id
         WHERE job.id = $1 AND job.state IN (${CHANGEABLE})
       ), changed AS (
         UPDATE job SET state = after, updated_at = now(),
                wait_reason = CASE after WHEN 'pending' THEN 'Dependency' WHEN 'scheduled' THEN CASE WHEN backing_off THEN 'Backoff' ELSE 'RunAt' END END
         FROM now WHERE job.id = now.id AND job.state = before
       ), moved AS (
         INSERT INTO job_transition (job_id, from_state, to_state, reason)
         SELECT id, before, after, 'changed by its client' FROM now WHERE before <> after
       )
       SELECT before, after FROM now`,
      [id, anew],
    );
    return rows[0];
  }

  /**
   * failed -> queued, tries counted anew. The caller holds the task and has taken it out of the totals; a parked execution follows.
   * (`started_at` of the job stays: admission then goes on with the execution that there is instead of planning the job once more.)
   * @param tries what is shown as its number of retries from now on
   */
  async retry(id: string, tries: number): Promise<{ taskId: string; queue: string } | undefined> {
    const rows = await this.sql.query<{ taskId: string; queue: string }>(
      `WITH changed AS (
         UPDATE job SET state = 'queued', wait_reason = NULL, error = NULL, finished_at = NULL, run_at = now(), updated_at = now()
         WHERE id = $1 AND state = 'failed' RETURNING id
       ), counted AS (
         UPDATE graph_task SET earlier_tries = $2 FROM changed WHERE graph_task.job_id = changed.id
       ), moved AS (
         INSERT INTO job_transition (job_id, from_state, to_state, reason) SELECT id, 'failed', 'queued', 'tried again by its client' FROM changed
       )
       UPDATE task SET state = 'queued', tries = 0, lost_leases = 0, output = NULL, error = NULL, started_at = NULL, finished_at = NULL
       FROM changed WHERE task.job_id = changed.id AND task.state = 'failed' RETURNING task.id AS "taskId", task.queue`,
      [id, tries],
    );
    return rows[0];
  }

  /** Keeps the digest of a try's token, with which those before are stale. Answers the checkpoint; undefined when the lease is stale. */
  async begin(lease: Lease, id: string, key: Buffer): Promise<{ checkpoint: JsonObject | null } | undefined> {
    const rows = await this.sql.prepared<{ checkpoint: JsonObject | null }>(
      `UPDATE graph_task g SET checkpoint_key = $4 FROM execution e
       WHERE e.id = $1 AND e.token = $2 AND ${unindexed(`e.state = 'running'`)} AND e.job_id = $3 AND g.job_id = e.job_id RETURNING g.checkpoint`,
      [lease.executionId, lease.token, id, key],
    );
    return rows[0];
  }

  /** Whether the digest is that of the last try's token. */
  async hasKey(id: string, key: Buffer): Promise<boolean> {
    const rows = await this.sql.query(`SELECT FROM graph_task WHERE job_id = $1 AND checkpoint_key = $2`, [id, key]);
    return rows.length === 1;
  }

  /** Replaces the checkpoint of a task that runs, by its client or by its try's token. False when it does not run or is not theirs. */
  async keepCheckpoint(
    by: { clientId: number } | { key: Buffer },
    id: string,
    checkpoint: JsonObject,
  ): Promise<boolean> {
    const [condition, value] =
      'key' in by ? (['g.checkpoint_key = $2', by.key] as const) : (['g.client_id = $2', by.clientId] as const);
    const rows = await this.sql.prepared(
      `WITH held AS (
         UPDATE job SET updated_at = now() FROM graph_task g, task t
         WHERE job.id = $1 AND ${unindexed(`job.state = 'started'`)} AND g.job_id = job.id AND g.checkpoint_enabled AND ${condition}
           AND t.job_id = job.id AND t.state = 'started' RETURNING job.id
       )
       UPDATE graph_task SET checkpoint = $3 FROM held WHERE graph_task.job_id = held.id RETURNING job_id`,
      [id, value, storableJson(checkpoint)],
    );
    return rows.length === 1;
  }
}

/** A text[] column out of a JSON list: arrays of arrays cannot be ragged. */
function TEXTS(column: string): string {
  return `ARRAY(SELECT jsonb_array_elements_text(${column}::jsonb))`;
}

function textsOf(texts: string[]): string {
  return JSON.stringify(texts.map(storableText));
}

function statesLeadingTo(to: JobState[], among: JobState[]): string {
  const ways = (from: JobState): readonly JobState[] => [
    ...JOB_TRANSITIONS[from],
    ...((GRAPH_JOB_TRANSITIONS as Partial<Record<JobState, readonly JobState[]>>)[from] ?? []),
  ];
  return among
    .filter((from) => to.every((state) => state === from || ways(from).includes(state)))
    .map((state) => `'${state}'`)
    .join(', ');
}
