import {
  FINAL_RUN_STATES,
  type FinalRunState,
  type JsonObject,
  RUN_STATES,
  RUN_TRANSITIONS,
  type RunCause,
  type RunState,
} from '@task-engine/domain';
import { bigints, type Sql, unseen } from '../sql';
import { storableText } from '../storable';
import type { Lease } from './execution.store';

export interface NewRun {
  jobId: string;
  uuid: string;
  commandId: string;
  cause: RunCause;
  /** When it is to start; null: at once. A run for a later time is shown from then on. */
  dueAt: Date | null;
  image: string;
  command: string;
  requestedFrom: string | null;
}

export interface RunRecord {
  jobId: string;
  uuid: string;
  commandId: string;
  state: RunState;
  stopRequested: boolean;
  image: string;
  command: string;
  requestedFrom: string | null;
  host: string | null;
  port: number | null;
  containerId: string | null;
  exitCode: number | null;
  error: string | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

/** A run with what its command asks for: all that running it and its consequences need. */
export interface RunWithCommand extends RunRecord {
  group: string;
  clientId: number;
  laneId: number;
  commandUuid: string;
  request: JsonObject;
}

/** A run and its command as the holder of its lease gets it. */
export interface RunOfLease extends RunWithCommand {
  executionId: string;
  /** Its turn came after the time up to which it was wanted. */
  overdue: boolean;
}

export interface RunPlace {
  host: string;
  port: number;
  containerId: string;
}

export interface RunResult {
  jobId: string;
  state: FinalRunState;
  exitCode: number | null;
  error: string | null;
}

const COLUMNS = `r.job_id AS "jobId", r.uuid, r.command_id AS "commandId", r.state, r.stop_requested_at IS NOT NULL AS "stopRequested",
  r.image, r.command, r.requested_from AS "requestedFrom", r.host, r.port, r.container_id AS "containerId", r.exit_code AS "exitCode",
  r.error, r.created_at AS "createdAt", r.started_at AS "startedAt", r.finished_at AS "finishedAt"`;

const WITH_COMMAND = `${COLUMNS}, g.name AS group, g.client_id AS "clientId", c.lane_id AS "laneId", c.uuid AS "commandUuid", c.request`;
const JOINS = `JOIN command c ON c.id = r.command_id JOIN command_group g ON g.id = c.group_id`;

/** Of the command $1, those whose time has come. */
const SHOWN = `r.command_id = $1 AND r.created_at <= statement_timestamp()`;

/** The lease $1, $2 is still the newest of the run's task. */
const HELD = `EXISTS (SELECT FROM execution e WHERE e.id = $1 AND e.token = $2 AND e.job_id = r.job_id AND e.state = 'running')`;

/** Of the leases $1, $2 those that are still the newest of their tasks, with their place `n` in the parameters. */
const HELD_LEASES = `(unnest(${unseen('$1', 'bigint[]')}, $2::bigint[]) WITH ORDINALITY AS held (id, token, n)
  JOIN execution e ON e.id = held.id AND e.token = held.token AND (e.state = 'running') IS NOT FALSE)`;

function leaseParameters(leases: Lease[]): string[] {
  return [bigints(leases.map(({ executionId }) => executionId)), bigints(leases.map(({ token }) => token))];
}

const FINAL = FINAL_RUN_STATES.map((state) => `'${state}'`).join(', ');

/** Runs: what a job has beside its own life cycle when it runs a command. What a worker writes names its lease. */
export class RunStore {
  constructor(private readonly sql: Sql) {}

  async insert(runs: NewRun[]): Promise<void> {
    if (runs.length === 0) return;
    await this.sql.prepared(
      `INSERT INTO run (job_id, uuid, command_id, cause, due_at, image, command, requested_from, created_at)
       SELECT job_id, uuid, command_id, cause, due_at, image, command, requested_from, GREATEST(due_at, now())
       FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
            AS r (job_id, uuid, command_id, cause, due_at, image, command, requested_from)`,
      [
        bigints(runs.map((run) => run.jobId)),
        runs.map((run) => run.uuid),
        bigints(runs.map((run) => run.commandId)),
        runs.map((run) => run.cause),
        // a retry waits for its time in plain sight
        runs.map((run) => (run.cause === 'retry' ? null : run.dueAt)),
        runs.map((run) => storableText(run.image)),
        runs.map((run) => storableText(run.command)),
        runs.map((run) => run.requestedFrom),
      ],
    );
  }

  /** The moment up to which the times of a command's cron rule have had their chance: it fires at none of them again. The caller holds the command. */
  async firedUpTo(commandId: string): Promise<Date> {
    const [row] = await this.sql.query<{ at: Date }>(
      `SELECT GREATEST(clock_timestamp(), max(due_at)) AS at FROM run WHERE command_id = $1 AND cause = 'cron'`,
      [commandId],
    );
    return row!.at;
  }

  /** Which of the commands have a run of their cron rule at this time already. The caller holds them. */
  async fired(firings: { commandId: string; dueAt: Date }[]): Promise<Set<string>> {
    const rows = await this.sql.query<{ commandId: string }>(
      `SELECT command_id AS "commandId" FROM run JOIN unnest($1::bigint[], $2::timestamptz[]) AS f (command_id, due_at) USING (command_id, due_at)
       WHERE cause = 'cron'`,
      [bigints(firings.map(({ commandId }) => commandId)), firings.map(({ dueAt }) => dueAt)],
    );
    return new Set(rows.map(({ commandId }) => commandId));
  }

  /** Newest first. */
  async ofCommand(commandId: string, offset: number, limit: number): Promise<RunRecord[]> {
    return this.sql.query<RunRecord>(
      `SELECT ${COLUMNS} FROM run r WHERE ${SHOWN} ORDER BY r.created_at DESC, r.job_id DESC OFFSET $2 LIMIT $3`,
      [commandId, offset, limit],
    );
  }

  async countOf(commandId: string): Promise<number> {
    const [row] = await this.sql.query<{ n: number }>(`SELECT count(*)::int AS n FROM run r WHERE ${SHOWN}`, [
      commandId,
    ]);
    return row!.n;
  }

  /** Of each command, how many. */
  async countsOf(commandIds: string[]): Promise<Map<string, number>> {
    const rows = await this.sql.query<{ id: string; n: number }>(
      `SELECT command_id AS id, count(*)::int AS n FROM run r
       WHERE command_id = ANY($1::bigint[]) AND r.created_at <= statement_timestamp() GROUP BY command_id`,
      [bigints(commandIds)],
    );
    return new Map(rows.map(({ id, n }) => [id, n]));
  }

  async find(commandId: string, uuid: string): Promise<RunRecord | undefined> {
    const rows = await this.sql.query<RunRecord>(`SELECT ${COLUMNS} FROM run r WHERE ${SHOWN} AND r.uuid = $2`, [
      commandId,
      uuid,
    ]);
    return rows[0];
  }

  async findByJob(jobId: string): Promise<RunRecord | undefined> {
    const rows = await this.sql.query<RunRecord>(`SELECT ${COLUMNS} FROM run r WHERE r.job_id = $1`, [jobId]);
    return rows[0];
  }

  /** Runs of a command that are not over, those whose time has not come included. */
  async open(commandId: string): Promise<(RunRecord & { shown: boolean })[]> {
    return this.sql.query(
      `SELECT ${COLUMNS}, r.created_at <= statement_timestamp() AS shown FROM run r
       WHERE r.command_id = $1 AND r.finished_at IS NULL ORDER BY r.job_id`,
      [commandId],
    );
  }

  /** Runs and their commands, for the worker that holds the leases. Those of stale leases are not among them. */
  async take(leases: Lease[]): Promise<RunOfLease[]> {
    return this.sql.prepared(
      `SELECT ${WITH_COMMAND}, e.id AS "executionId", COALESCE((c.request->>'expiration')::timestamptz < statement_timestamp(), false) AS overdue
       FROM ${HELD_LEASES} JOIN run r ON r.job_id = e.job_id ${JOINS}`,
      leaseParameters(leases),
    );
  }

  /** waiting -> pulling. */
  async pull({ executionId, token }: Lease): Promise<boolean> {
    return this.move('pulling', `state = 'pulling'`, [executionId, token]);
  }

  async standsIn({ executionId, token }: Lease, laneId: number): Promise<boolean> {
    const rows = await this.sql.query(
      `SELECT j.id FROM execution e JOIN job j ON j.id = e.job_id WHERE e.id = $1 AND e.token = $2 AND e.state = 'running' AND j.lane_id = $3`,
      [executionId, token, laneId],
    );
    return rows.length === 1;
  }

  /**
   * Moves the run's job into the lane while that has a free slot. The caller holds the lane's lock; to leave the other lane needs none, as the end
   * of a job.
   * @returns the lane it has left; undefined when there is no free slot or the lease is stale
   */
  async changeLane({ executionId, token }: Lease, laneId: number): Promise<number | undefined> {
    const rows = await this.sql.query<{ laneId: number }>(
      `UPDATE job j SET lane_id = $3 FROM execution e, job old
       WHERE e.id = $1 AND e.token = $2 AND e.state = 'running' AND j.id = e.job_id AND j.state = 'started' AND old.id = j.id
         AND (SELECT max_running - (SELECT count(*) FROM job WHERE lane_id = $3 AND state = 'started') FROM lane WHERE id = $3 AND NOT paused) > 0
       RETURNING old.lane_id AS "laneId"`,
      [executionId, token, laneId],
    );
    return rows[0]?.laneId;
  }

  /** -> running, in containers. Answers the leases that hold. Of a run that runs already (another worker has begun it) only the place is noted. */
  async begin(begun: (Lease & RunPlace)[]): Promise<{ executionId: string }[]> {
    return this.sql.prepared(
      `UPDATE run r SET state = 'running', started_at = COALESCE(r.started_at, clock_timestamp()), host = b.host, port = b.port,
              container_id = b.container_id
       FROM ${HELD_LEASES} JOIN unnest($3::text[], $4::int[], $5::text[]) WITH ORDINALITY AS b (host, port, container_id, n) USING (n)
       WHERE r.job_id = e.job_id AND (r.state IN (${[...statesBefore('running'), 'running'].map((state) => `'${state}'`).join(', ')})) IS NOT FALSE
       RETURNING e.id AS "executionId"`,
      [
        ...leaseParameters(begun),
        begun.map(({ host }) => host),
        begun.map(({ port }) => port),
        begun.map(({ containerId }) => containerId),
      ],
    );
  }

  /** Which of these their clients want stopped. */
  async stopRequested(jobIds: string[]): Promise<string[]> {
    const rows = await this.sql.query<{ jobId: string }>(
      `SELECT job_id AS "jobId" FROM run WHERE job_id = ANY($1::bigint[]) AND stop_requested_at IS NOT NULL AND finished_at IS NULL`,
      [bigints(jobIds)],
    );
    return rows.map((row) => row.jobId);
  }

  async requestStop(jobId: string): Promise<void> {
    await this.sql.query(
      `UPDATE run SET stop_requested_at = COALESCE(stop_requested_at, now()) WHERE job_id = $1 AND finished_at IS NULL`,
      [jobId],
    );
  }

  /** Ends runs. Answers those that were not over, with what their consequences need. The caller holds the locks of their jobs. */
  async finish(results: RunResult[]): Promise<RunWithCommand[]> {
    if (results.length === 0) return [];
    return this.sql.prepared<RunWithCommand>(
      `UPDATE run r SET state = n.state, exit_code = n.exit_code, error = n.error, finished_at = clock_timestamp()
       FROM unnest(${unseen('$1', 'bigint[]')}, $2::text[], $3::int[], $4::text[]) AS n (job_id, state, exit_code, error), command c, command_group g
       WHERE r.job_id = n.job_id AND r.state NOT IN (${FINAL}) AND c.id = r.command_id AND g.id = c.group_id
       RETURNING ${WITH_COMMAND}`,
      [
        bigints(results.map((result) => result.jobId)),
        results.map((result) => result.state),
        results.map((result) => result.exitCode),
        results.map((result) => (result.error === null ? null : storableText(result.error))),
      ],
    );
  }

  /** A run whose time has not come is not shown to anybody: it goes without a trace. */
  async forget(jobId: string): Promise<void> {
    await this.sql.query(`DELETE FROM run WHERE job_id = $1 AND finished_at IS NULL`, [jobId]);
  }

  /** Jobs of the finished runs of a command that are older than its newest `keep`, and of which nothing is still to be sent. */
  async beyond(commandId: string, keep: number, limit: number): Promise<string[]> {
    const rows = await this.sql.query<{ jobId: string }>(
      `SELECT job_id AS "jobId" FROM (
         SELECT job_id, finished_at FROM run r WHERE r.command_id = $1 ORDER BY r.created_at DESC, r.job_id DESC OFFSET $2
       ) old WHERE finished_at IS NOT NULL
         AND NOT EXISTS (SELECT FROM delivery d WHERE d.job_id = old.job_id AND d.state IN ('pending', 'sending')) LIMIT $3`,
      [commandId, keep, limit],
    );
    return rows.map((row) => row.jobId);
  }

  /** Runs by whether they wait or run, and where the latter are. */
  async census(
    limit: number,
  ): Promise<{ waiting: number; running: number; delayed: number; nextAt: Date | null; places: RunPlace[] }> {
    const [row] = await this.sql.query<{ waiting: number; running: number; delayed: number; nextAt: Date | null }>(
      `SELECT count(*) FILTER (WHERE r.state = 'waiting' AND j.state <> 'scheduled')::int AS waiting,
              count(*) FILTER (WHERE r.state IN ('pulling', 'running'))::int AS running,
              count(*) FILTER (WHERE j.state = 'scheduled')::int AS delayed,
              min(j.run_at) FILTER (WHERE j.state = 'scheduled') AS "nextAt"
       FROM run r JOIN job j ON j.id = r.job_id WHERE r.finished_at IS NULL`,
    );
    const places = await this.sql.query<RunPlace>(
      `SELECT host, port, container_id AS "containerId" FROM run WHERE state = 'running' AND finished_at IS NULL ORDER BY job_id LIMIT $1`,
      [limit],
    );
    return { ...row!, places };
  }

  /** Which of these runs are over, or unknown: what is left of them can go. */
  async over(uuids: string[]): Promise<string[]> {
    const rows = await this.sql.query<{ uuid: string }>(
      `SELECT u.uuid FROM unnest($1::uuid[]) AS u (uuid) WHERE NOT EXISTS (SELECT FROM run r WHERE r.uuid = u.uuid AND r.finished_at IS NULL)`,
      [uuids],
    );
    return rows.map((row) => row.uuid);
  }

  private async move(to: RunState, set: string, parameters: unknown[]): Promise<boolean> {
    const from = statesBefore(to).map((state) => `'${state}'`);
    const rows = await this.sql.query(
      `UPDATE run r SET ${set} WHERE r.state IN (${from.join(', ')}) AND ${HELD} RETURNING r.job_id`,
      parameters,
    );
    return rows.length === 1;
  }
}

function statesBefore(to: RunState): RunState[] {
  return RUN_STATES.filter((from) => (RUN_TRANSITIONS[from] as readonly RunState[]).includes(to));
}
