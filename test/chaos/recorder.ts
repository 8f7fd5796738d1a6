import { Pool } from 'pg';
import type { FinalJob, History, RowEvent, Table, Watermark } from './history';

/** Columns whose changes are written down. Of what changes without a meaning here (heartbeats, wait reasons) nothing is. */
const COLUMNS: Record<Table, string> = {
  job: `'state', r.state, 'lane_id', r.lane_id, 'client_id', r.client_id, 'priority', r.priority, 'position', r.position,
        'top_of_queue', r.top_of_queue, 'run_at', history_time(r.run_at), 'semaphore_url', r.semaphore_url,
        'started', r.started_at IS NOT NULL, 'created_at', history_time(r.created_at)`,
  task: `'job_id', r.job_id::text, 'name', r.name, 'state', r.state, 'tries', r.tries, 'started', r.started_at IS NOT NULL, 'error', r.error`,
  execution: `'job_id', r.job_id::text, 'task_id', r.task_id::text, 'state', r.state, 'token', r.token::text, 'worker_id', r.worker_id`,
  delivery: `'message_id', r.message_id, 'client_id', r.client_id, 'job_id', r.job_id::text, 'task_id', r.task_id::text, 'event', r.event,
             'url', r.url, 'body_hash', md5(r.body), 'state', r.state, 'attempts', r.attempts`,
  lane: `'max_running', r.max_running, 'reserved_slots', r.reserved_slots, 'reserved_threshold', r.reserved_threshold,
         'retry_limit', r.retry_limit, 'retry_delay_seconds', r.retry_delay_seconds, 'paused', r.paused, 'name', r.name`,
  graph_task: `'dependencies', r.dependencies::text[]`,
  client: `'name', r.name, 'max_running', r.max_running`,
  schedule: `'next_at', history_time(r.next_at), 'active', r.active, 'every_seconds', r.every_seconds`,
  schedule_tick: `'schedule_name', r.schedule_name, 'due_at', history_time(r.due_at)`,
};

const KEYS: Record<Table, string> = {
  job: 'r.id::text',
  task: 'r.id::text',
  execution: 'r.id::text',
  delivery: 'r.id::text',
  lane: 'r.id::text',
  graph_task: 'r.job_id::text',
  client: 'r.id::text',
  schedule: 'r.name',
  schedule_tick: `r.schedule_name || ' ' || history_time(r.due_at)`,
};

/** Tables that hold rows before the run: their first state is written down too. */
const STANDING: Table[] = ['lane', 'client', 'schedule'];

/** Milliseconds between two watermarks. */
const WATERMARK_EVERY = 40;

/** By this name its connections are spared when the apps' are cut. */
export const RECORDER = 'history recorder';

/**
 * Writes down every change of the rows that matter, by triggers in the same transaction: what was rolled back is not there, what was
 * committed is. The triggers run AFTER the statement, that is while it still holds the locks under which it decided.
 */
export class Recorder {
  private readonly pool: Pool;
  private readonly watermarks: Watermark[] = [];
  private watching = true;
  private watch: Promise<void> = Promise.resolve();

  private constructor(databaseUrl: string) {
    this.pool = new Pool({ connectionString: databaseUrl, max: 4, application_name: RECORDER });
    // a connection that ends with its server is replaced at the next query
    this.pool.on('error', () => undefined);
  }

  static async start(databaseUrl: string): Promise<Recorder> {
    const recorder = new Recorder(databaseUrl);
    await recorder.query(TABLE);
    for (const table of Object.keys(COLUMNS) as Table[]) {
      await recorder.query(functionsOf(table));
      if (STANDING.includes(table))
        await recorder.query(
          `INSERT INTO history_event (tab, id, after) SELECT '${table}', ${KEYS[table]}, history_${table}_row(r) FROM ${table} r`,
        );
      await recorder.query(
        `CREATE TRIGGER history AFTER INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION history_${table}()`,
      );
    }
    recorder.watch = recorder.takeWatermarks();
    return recorder;
  }

  async query<Row extends object>(text: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(text, parameters)).rows;
  }

  /** All that was written down, and how the jobs stand. */
  async read(): Promise<Pick<History, 'events' | 'watermarks' | 'jobs' | 'graphJobs' | 'waits' | 'transitions'>> {
    const events = await this.query<RowEvent>(
      `SELECT seq::int, tab AS "table", history_time(at) AS at, history_time(tx_at) AS "transactionAt", xid::text::float8 AS xid,
              id, before, after FROM history_event ORDER BY seq`,
    );
    const jobs = await this.query<FinalJob>(
      `SELECT id, COALESCE(submitted->>'content_id', parameters->>'name') AS mark, state, rerun_of AS "rerunOf", wait_reason AS "waitReason" FROM job ORDER BY id`,
    );
    const transitions = await this.query<History['transitions'][number]>(
      `SELECT job_id AS "jobId", from_state AS "from", to_state AS "to" FROM job_transition ORDER BY job_id, id`,
    );
    const graphJobs = await this.query<{ id: string }>(`SELECT job_id AS id FROM graph_task`);
    const waits = await this.query<History['waits'][number]>(
      `SELECT job_id AS "jobId", COALESCE(w.unmet, 0) AS unmet, COALESCE(e.edges, 0) AS edges, COALESCE(e.met, 0) AS met
       FROM graph_wait w FULL JOIN (
         SELECT g.job_id, count(*)::int AS edges, count(*) FILTER (WHERE p.state = 'completed')::int AS met
         FROM graph_edge g JOIN job p ON p.id = g.parent_id GROUP BY g.job_id
       ) e USING (job_id)`,
    );
    const ids = new Set(graphJobs.map(({ id }) => id));
    return { events, watermarks: this.watermarks, jobs, graphJobs: ids, waits, transitions };
  }

  async stop(): Promise<void> {
    this.watching = false;
    await this.watch;
    await this.pool.end();
  }

  private async takeWatermarks(): Promise<void> {
    while (this.watching) {
      const began = Date.now();
      // the snapshot is older than the time: whoever looks after this time sees at least as much
      await this.query<{ snapshot: string; at: number }>(
        `SELECT snapshot, history_time(clock_timestamp()) AS at FROM (SELECT pg_current_snapshot()::text AS snapshot OFFSET 0) taken`,
      ).then(
        ([row]) => this.watermarks.push(watermark(row!)),
        // PostgreSQL is away; without a watermark nothing counts as seen
        () => undefined,
      );
      const rest = WATERMARK_EVERY - (Date.now() - began);
      await new Promise((done) => setTimeout(done, Math.max(rest, 5)));
    }
  }
}

/** Reads `minimum:maximum:running,...`. */
function watermark({ snapshot, at }: { snapshot: string; at: number }): Watermark {
  const [minimum, maximum, running = ''] = snapshot.split(':');
  return {
    at,
    minimum: Number(minimum),
    maximum: Number(maximum),
    running: running.split(',').filter(Boolean).map(Number),
  };
}

const TABLE = `
  CREATE FUNCTION history_time(timestamptz) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT (EXTRACT(EPOCH FROM $1) * 1000)::float8 $$;
  CREATE TABLE history_event (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tx_at timestamptz NOT NULL DEFAULT now(),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    tab text NOT NULL,
    id text NOT NULL,
    before jsonb,
    after jsonb NOT NULL
  )`;

function functionsOf(table: Table): string {
  return `
    CREATE FUNCTION history_${table}_row(r ${table}) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object(${COLUMNS[table]}) $$;
    CREATE FUNCTION history_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      r ${table} := NEW;
      was jsonb := CASE WHEN TG_OP = 'UPDATE' THEN history_${table}_row(OLD) END;
      becomes jsonb := history_${table}_row(NEW);
    BEGIN
      IF was IS DISTINCT FROM becomes THEN
        INSERT INTO history_event (tab, id, before, after) VALUES ('${table}', ${KEYS[table]}, was, becomes);
      END IF;
      RETURN NULL;
    END $$`;
}
