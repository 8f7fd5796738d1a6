import { bigints, type Sql, unindexed, unseen } from '../sql';
import { PULL_QUEUE } from './pull-queue';
import { storableText } from '../storable';

/** A pull task to be, with its job: a row of each. */
export interface NewPullTaskRow {
  projectId: number;
  laneId: number;
  clientId: number;
  workflow: string;
  definitionDigest: string;
  /** As the engine counts: smaller first. */
  priority: number;
  hash: bigint | null;
  recipe: string;
  maxAssignSeconds: number;
  maxRetries: number;
  verifications: number;
  /** Task of a workflow's job that waits for it. */
  stepId: string | null;
}

/** A task in the hands of a worker, as its claim found it. */
export interface AssignedPullTask {
  id: string;
  workerId: number;
  priority: number;
  recipe: string;
  maxAssignSeconds: number;
  maxRetries: number;
  retries: number;
  verifications: number;
  assignedAt: Date;
}

/** What a release is decided on. The caller holds its lock. */
export interface HeldPullTask {
  id: string;
  projectId: number;
  laneId: number;
  workerId: number;
  priority: number;
  hash: string | null;
  recipe: string;
  maxAssignSeconds: number;
  maxRetries: number;
  retries: number;
  verifications: number;
  votes: number;
  chainId: number | null;
  taskId: string;
  executionId: string;
  token: string;
  worker: string;
}

/** Tasks with votes that a claim looks through for one that its worker has not voted for, before it takes one without votes. */
const VOTED_LOOKED_AT = 256;
/** Of each kind, how many it looks at: others may hold the first ones at that moment. */
const CANDIDATES = 32;

/** Why a task is taken once more, by how it was given back last. A further vote is a first try of its own. */
const CAUSE = `CASE last.state WHEN 'lost' THEN 'lease_lost' WHEN 'released' THEN 'released' WHEN 'failed' THEN 'retry' ELSE 'first' END`;

/** By their job, whatever the planner makes of ordering all executions by their ids. */
const EARLIER = `SELECT e.id, e.state FROM execution e WHERE e.job_id = assigned.job_id OFFSET 0`;

const HELD = `SELECT t.job_id AS id, t.project_id AS "projectId", p.lane_id AS "laneId", t.worker_id AS "workerId", t.priority, t.hash, t.recipe,
    t.max_assign_seconds AS "maxAssignSeconds", t.max_retries AS "maxRetries", t.retries, t.verifications, t.votes, p.chain_id AS "chainId",
    e.task_id AS "taskId", e.id AS "executionId", e.token, w.alias AS worker
  FROM pull_task t JOIN project p ON p.id = t.project_id JOIN pull_worker w ON w.id = t.worker_id
    JOIN execution e ON e.job_id = t.job_id AND e.state = 'running'`;

/**
 * Tasks that workers pull. Whoever changes some locks their rows first, in the order of their ids, and their jobs after that.
 */
export class PullTaskStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Tasks with their jobs, in one statement: by their hashes, so that two that insert the same ones wait for each other in one order only. Ids in the order given; null for one whose hash another open or failed task of its project has.
   */
  async insert(tasks: NewPullTaskRow[]): Promise<(string | null)[]> {
    if (tasks.length === 0) return [];
    const rows = await this.sql.prepared<{ id: string | null }>(
      `WITH new AS MATERIALIZED (
         SELECT nextval(pg_get_serial_sequence('job', 'id')) AS id, r.*
         FROM unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::text[], $6::smallint[], $7::bigint[], $8::text[], $9::int[],
                     $10::smallint[], $11::smallint[], $12::bigint[])
              WITH ORDINALITY AS r (project_id, lane_id, client_id, workflow, digest, priority, hash, recipe, max_assign_seconds, max_retries,
                                    verifications, step_id, n)
       ), kept AS (
         INSERT INTO pull_task (job_id, project_id, priority, hash, recipe, max_assign_seconds, max_retries, verifications, step_id)
         SELECT id, project_id, priority, hash, recipe, max_assign_seconds, max_retries, verifications, step_id
         FROM new ORDER BY project_id, hash, n
         ON CONFLICT DO NOTHING RETURNING job_id
       ), jobs AS (
         INSERT INTO job (id, lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state, wait_reason)
         SELECT id, lane_id, client_id, workflow, digest, '{}', '{}', priority, 'queued', 'NoWorker' FROM new JOIN kept ON kept.job_id = new.id
       ), moved AS (
         INSERT INTO job_transition (job_id, to_state, reason) SELECT job_id, 'queued', 'submitted' FROM kept
       )
       SELECT kept.job_id AS id FROM new LEFT JOIN kept ON kept.job_id = new.id ORDER BY n`,
      [
        bigints(tasks.map((task) => task.projectId)),
        bigints(tasks.map((task) => task.laneId)),
        bigints(tasks.map((task) => task.clientId)),
        tasks.map((task) => task.workflow),
        tasks.map((task) => task.definitionDigest),
        bigints(tasks.map((task) => task.priority)),
        tasks.map((task) => task.hash),
        tasks.map((task) => storableText(task.recipe)),
        bigints(tasks.map((task) => task.maxAssignSeconds)),
        bigints(tasks.map((task) => task.maxRetries)),
        bigints(tasks.map((task) => task.verifications)),
        tasks.map((task) => task.stepId),
      ],
    );
    return rows.map(({ id }) => id);
  }

  /** Whether a task of the project that a worker may take has votes: then each worker has an order of its own. */
  async anyVoted(projectId: number): Promise<boolean> {
    const [row] = await this.sql.prepared<{ voted: boolean }>(
      `SELECT EXISTS (SELECT FROM pull_task WHERE project_id = $1 AND state = 'open' AND worker_id IS NULL AND votes > 0) AS voted`,
      [projectId],
    );
    return row!.voted;
  }

  /**
   * Gives each worker the next task without votes, most urgent and oldest first, as long as there are some. Workers that are paused or may not
   * get nothing, and nobody while the project is paused, nor while tasks of it have votes (`claimUnvoted`). A row that another claim holds is skipped.
   * @param reclaimSeconds a task without a time of its own is held until the clock reaches the next multiple of it
   */
  async claim(projectId: number, workerIds: number[], reclaimSeconds: number): Promise<AssignedPullTask[]> {
    return this.take(
      `SELECT t.job_id, t.priority FROM pull_task t JOIN job j ON j.id = t.job_id AND j.state = 'queued'
       WHERE t.project_id = $1 AND t.state = 'open' AND t.worker_id IS NULL AND t.votes = 0 AND NOT (SELECT yes FROM voted)
       ORDER BY t.project_id, t.priority, t.job_id LIMIT (SELECT count(*) FROM worker) FOR NO KEY UPDATE OF t SKIP LOCKED`,
      projectId,
      workerIds,
      reclaimSeconds,
      `, voted AS MATERIALIZED (
         SELECT EXISTS (SELECT FROM pull_task WHERE project_id = $1 AND state = 'open' AND worker_id IS NULL AND votes > 0) AS yes
       )`,
    );
  }

  /**
   * The same for one worker, in a project of which some tasks have votes: of these it gets none that it has voted for.
   * Votes are compared with those that were looked at: the worker's own may have come in between.
   * @param all looks at every task with votes, not only at the first ones
   */
  async claimUnvoted(
    projectId: number,
    workerId: number,
    reclaimSeconds: number,
    all: boolean,
  ): Promise<AssignedPullTask | undefined> {
    const free = `t.project_id = $1 AND t.state = 'open' AND t.worker_id IS NULL`;
    const order = `ORDER BY t.project_id, t.priority, t.job_id`;
    const [task] = await this.take(
      `SELECT t.job_id, t.priority FROM pull_task t JOIN job j ON j.id = t.job_id AND j.state = 'queued'
       WHERE (t.job_id, t.votes) IN (
         (SELECT t.job_id, t.votes FROM pull_task t WHERE ${free} AND t.votes = 0 ${order} LIMIT ${CANDIDATES})
         UNION ALL
         (SELECT first.job_id, first.votes FROM (SELECT t.job_id, t.priority, t.votes FROM pull_task t WHERE ${free} AND t.votes > 0 ${order}
                                    ${all ? '' : `LIMIT ${VOTED_LOOKED_AT}`}) first
          WHERE NOT EXISTS (SELECT FROM pull_vote v JOIN worker ON worker.id = v.worker_id WHERE v.job_id = first.job_id)
          ORDER BY first.priority, first.job_id LIMIT ${CANDIDATES})
       ) AND ${free} ORDER BY t.priority, t.job_id LIMIT 1 FOR NO KEY UPDATE OF t SKIP LOCKED`,
      projectId,
      [workerId],
      reclaimSeconds,
    );
    return task;
  }

  /** @param picked statement that locks as many rows as there are rows in `worker`, which are those who may take one */
  private async take(
    picked: string,
    projectId: number,
    workerIds: number[],
    reclaimSeconds: number,
    before = '',
  ): Promise<AssignedPullTask[]> {
    return this.sql.prepared<AssignedPullTask>(
      `WITH worker AS MATERIALIZED (
         SELECT w.id, w.uuid, row_number() OVER (ORDER BY wanted.n) AS place
         FROM unnest($2::int[]) WITH ORDINALITY AS wanted (id, n) JOIN pull_worker w ON w.id = wanted.id
           JOIN project p ON p.id = $1 JOIN lane l ON l.id = p.lane_id
           LEFT JOIN project_access a ON a.project_id = p.id AND a.worker_id = w.id
         WHERE NOT w.paused AND NOT l.paused AND (p.public OR a.assign AND NOT a.pending)
       )${before}, picked AS MATERIALIZED (${picked}), placed AS (
         SELECT job_id, row_number() OVER (ORDER BY priority, job_id) AS place FROM picked
       ), started AS (
         UPDATE job SET state = 'started', wait_reason = NULL, started_at = COALESCE(started_at, now()), updated_at = now()
         FROM placed WHERE job.id = placed.job_id AND ${unindexed(`job.state IN ('queued')`)} RETURNING job.id
       ), assigned AS (
         UPDATE pull_task t SET worker_id = worker.id, assigned_at = clock_timestamp()
         FROM started JOIN placed ON placed.job_id = started.id JOIN worker USING (place) WHERE t.job_id = started.id
         RETURNING t.job_id, t.worker_id, worker.uuid, t.priority, t.recipe, t.max_assign_seconds, t.max_retries, t.retries, t.verifications, t.assigned_at
       ), moved AS (
         INSERT INTO job_transition (job_id, from_state, to_state, reason) SELECT id, 'queued', 'started', 'taken by a worker' FROM started
       ), step AS (
         INSERT INTO task (job_id, ordinal, name, queue, state, started_at)
         SELECT job_id, 0, 'pull', '${PULL_QUEUE}', 'started', now() FROM assigned
         ON CONFLICT (job_id, ordinal) DO UPDATE SET state = 'started' RETURNING id, job_id
       ), leased AS (
         INSERT INTO execution (task_id, job_id, queue, state, cause, token, worker_id, started_at, lease_expires_at)
         SELECT step.id, assigned.job_id, '${PULL_QUEUE}', 'running',
                COALESCE((SELECT ${CAUSE} FROM (${EARLIER}) last ORDER BY last.id DESC LIMIT 1), 'first'),
                nextval('lease_token'),
                uuid, assigned_at,
                CASE WHEN max_assign_seconds > 0 THEN assigned_at + make_interval(secs => max_assign_seconds)
                     ELSE to_timestamp((floor((EXTRACT(EPOCH FROM assigned_at) + 1) / $3::float8) + 1) * $3::float8) END
         FROM assigned JOIN step USING (job_id)
       )
       SELECT job_id AS id, worker_id AS "workerId", priority, recipe, max_assign_seconds AS "maxAssignSeconds", max_retries AS "maxRetries",
              retries, verifications, assigned_at AS "assignedAt" FROM assigned`,
      [projectId, workerIds, reclaimSeconds],
    );
  }

  /** Locks these tasks and answers those that workers hold. */
  async lockHeld(ids: string[]): Promise<HeldPullTask[]> {
    await this.lock(ids);
    return this.sql.prepared<HeldPullTask>(
      `${HELD} WHERE t.job_id = ANY(${unseen('$1', 'bigint[]')}) AND t.worker_id IS NOT NULL ORDER BY t.job_id`,
      [bigints(ids)],
    );
  }

  /** Tasks whose workers have had them for too long. */
  async late(limit: number): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `SELECT job_id AS id FROM execution WHERE queue = '${PULL_QUEUE}' AND state = 'running' AND lease_expires_at < statement_timestamp()
       ORDER BY lease_expires_at LIMIT $1`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Of held tasks, locked by the caller, those whose leases have run out. */
  async lapsed(ids: string[]): Promise<string[]> {
    const rows = await this.sql.query<{ id: string }>(
      `SELECT job_id AS id FROM execution WHERE job_id = ANY($1::bigint[]) AND state = 'running' AND lease_expires_at < statement_timestamp()`,
      [bigints(ids)],
    );
    return rows.map(({ id }) => id);
  }

  async lock(ids: string[]): Promise<void> {
    await this.sql.prepared(
      `SELECT FROM pull_task WHERE job_id = ANY(${unseen('$1', 'bigint[]')}) ORDER BY job_id FOR NO KEY UPDATE`,
      [bigints(ids)],
    );
  }

  /** A worker's vote; the number of votes with this hash, its own included. */
  async vote(id: string, workerId: number, hash: bigint): Promise<number> {
    await this.sql.query(`INSERT INTO pull_vote (job_id, worker_id, hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, [
      id,
      workerId,
      hash,
    ]);
    const [row] = await this.sql.query<{ n: number }>(
      `SELECT max(n)::int AS n FROM (SELECT count(*) AS n FROM pull_vote WHERE job_id = $1 GROUP BY hash) hashes`,
      [id],
    );
    return row!.n;
  }

  /** Ends the executions, and takes the tasks out of their workers' hands. */
  async leave(
    left: (Pick<HeldPullTask, 'id' | 'executionId' | 'token' | 'retries' | 'votes'> & {
      state: 'open' | 'failed' | 'closed';
      execution: 'succeeded' | 'failed' | 'released' | 'lost';
      error: string | null;
    })[],
  ): Promise<void> {
    await this.sql.prepared(
      `WITH left_ones AS (
         SELECT * FROM unnest(${unseen('$1', 'bigint[]')}, $2::bigint[], $3::bigint[], $4::int[], $5::int[], $6::text[], $7::text[], $8::text[])
                AS l (id, execution_id, token, retries, votes, state, execution, error)
       ), ended AS (
         UPDATE execution e SET state = l.execution, error = l.error, finished_at = clock_timestamp(), lease_expires_at = NULL
         FROM left_ones l WHERE e.id = l.execution_id AND e.token = l.token AND ${unindexed(`e.state = 'running'`)}
       )
       UPDATE pull_task t SET state = l.state, retries = l.retries, votes = l.votes, worker_id = NULL
       FROM left_ones l WHERE t.job_id = l.id`,
      [
        bigints(left.map(({ id }) => id)),
        bigints(left.map(({ executionId }) => executionId)),
        bigints(left.map(({ token }) => token)),
        bigints(left.map(({ retries }) => retries)),
        bigints(left.map(({ votes }) => votes)),
        left.map(({ state }) => state),
        left.map(({ execution }) => execution),
        left.map(({ error }) => (error === null ? null : storableText(error))),
      ],
    );
  }

  /** started -> queued: their jobs wait for a worker again. The caller has locked the tasks. */
  async requeue(ids: string[], reason: string): Promise<void> {
    if (ids.length === 0) return;
    await this.sql.prepared(
      `WITH changed AS (
         UPDATE job SET state = 'queued', updated_at = now(),
                wait_reason = CASE WHEN t.votes > 0 THEN 'AwaitingVerification' ELSE 'NoWorker' END
         FROM pull_task t WHERE job.id = ANY(${unseen('$1', 'bigint[]')}) AND t.job_id = job.id AND ${unindexed(`job.state IN ('started')`)}
         RETURNING job.id
       ), steps AS (
         UPDATE task SET state = 'queued' FROM changed WHERE task.job_id = changed.id AND task.state = 'started'
       )
       INSERT INTO job_transition (job_id, from_state, to_state, reason) SELECT id, 'started', 'queued', $2 FROM changed`,
      [bigints(ids), reason],
    );
  }

  /** Closes count for their project and their workers. */
  async countClosed(closed: { projectId: number; workerId: number }[]): Promise<void> {
    const projects = countsOf(closed.map(({ projectId }) => projectId));
    const workers = countsOf(closed.map(({ workerId }) => workerId));
    // in the order of their ids, so that two who count never wait for each other
    const count = (table: string, counts: Map<number, number>) =>
      this.sql.prepared(
        `WITH counted AS MATERIALIZED (
           SELECT x.id, c.n FROM ${table} x JOIN unnest(${unseen('$1', 'int[]')}, $2::int[]) AS c (id, n) ON c.id = x.id
           ORDER BY x.id FOR NO KEY UPDATE OF x
         ) UPDATE ${table} x SET closed_tasks = x.closed_tasks + counted.n FROM counted WHERE x.id = counted.id`,
        [[...counts.keys()], [...counts.values()]],
      );
    await Promise.all([count('project', projects), count('pull_worker', workers)]);
  }

  /** Failed tasks of a project, up to `limit`, locked; `open` ones likewise. */
  async lockSome(projectId: number, which: 'failed' | 'held' | 'any', limit: number): Promise<string[]> {
    const condition = {
      failed: `state = 'failed' AND step_id IS NULL`,
      held: `worker_id IS NOT NULL`,
      any: `state <> 'closed'`,
    }[which];
    const rows = await this.sql.query<{ id: string }>(
      `SELECT job_id AS id FROM pull_task WHERE project_id = $1 AND ${condition} ORDER BY job_id LIMIT $2 FOR NO KEY UPDATE`,
      [projectId, limit],
    );
    return rows.map(({ id }) => id);
  }

  /** failed -> open, with retries counted anew. The caller has locked them, and took them out of the totals. */
  async reopen(ids: string[]): Promise<void> {
    await this.sql.query(
      `WITH opened AS (UPDATE pull_task SET state = 'open', retries = 0 WHERE job_id = ANY($1::bigint[]) AND state = 'failed' RETURNING job_id, votes),
       changed AS (
         UPDATE job SET state = 'queued', updated_at = now(), finished_at = NULL, error = NULL, persist = false,
                wait_reason = CASE WHEN opened.votes > 0 THEN 'AwaitingVerification' ELSE 'NoWorker' END
         FROM opened WHERE job.id = opened.job_id AND ${unindexed(`job.state IN ('failed')`)} RETURNING job.id
       ), steps AS (
         UPDATE task SET state = 'queued', error = NULL, finished_at = NULL FROM changed WHERE task.job_id = changed.id AND task.state = 'failed'
       )
       INSERT INTO job_transition (job_id, from_state, to_state, reason) SELECT id, 'failed', 'queued', 'reset by a manager' FROM changed`,
      [bigints(ids)],
    );
  }

  /** Failed tasks stay until a manager resets them: retention leaves their jobs alone. Not those of steps, which have failed with them. */
  async keep(ids: string[]): Promise<void> {
    await this.sql.query(
      `UPDATE job SET persist = true FROM pull_task t WHERE t.job_id = job.id AND t.step_id IS NULL AND job.id = ANY($1::bigint[])`,
      [bigints(ids)],
    );
  }

  /** How many tasks are not failed and not closed. */
  async countOpen(projectId: number): Promise<number> {
    const [row] = await this.sql.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pull_task WHERE project_id = $1 AND state = 'open'`,
      [projectId],
    );
    return row!.n;
  }
}

function countsOf(ids: number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
