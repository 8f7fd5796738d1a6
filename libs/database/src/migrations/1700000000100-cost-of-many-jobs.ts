import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What keeps reads as quick among millions of finished jobs as among a few: indexes for lists, trigrams for search, folded counts. */
export class CostOfManyJobs1700000000100 implements MigrationInterface {
  name = 'CostOfManyJobs1700000000100';

  async up(runner: QueryRunner): Promise<void> {
    await requireTrigrams(runner);
    for (const statement of [...lists, ...search, ...totals]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM counter WHERE name <> 'executions_removed'`);
    await runner.query('DROP TABLE job_search, unsettled');
    const indexes = [
      'job_persist',
      'job_moved',
      'job_on_top',
      'job_scheduled',
      'job_by_run_at',
      'job_by_updated',
      'job_by_priority',
      'job_by_workflow',
    ];
    await runner.query(`DROP INDEX ${[...indexes, 'job_state', 'job_client', 'job_created'].join(', ')}`);
    await runner.query('CREATE INDEX job_client ON job (client_id, id)');
    await runner.query('CREATE INDEX job_state ON job (state, id)');
    await runner.query('CREATE INDEX job_created ON job (created_at)');
  }
}

/** pg_trgm is a trusted part of PostgreSQL's contrib: whoever may create in the database may add it. */
async function requireTrigrams(runner: QueryRunner): Promise<void> {
  try {
    await runner.query('CREATE EXTENSION IF NOT EXISTS pg_trgm');
  } catch (error) {
    throw new Error(
      `The search over jobs needs PostgreSQL's extension pg_trgm, and it could not be added (${(error as Error).message}). ` +
        'Install the contrib package of this PostgreSQL, or have an administrator run CREATE EXTENSION pg_trgm in this database.',
    );
  }
}

const finished = 'WHERE finished_at IS NOT NULL';

const lists = [
  'DROP INDEX job_state, job_client, job_created',
  // Lists in order of id, one state at a time.
  'CREATE INDEX job_state ON job (lane_id, state, id)',
  // The same of one client; and how many a client runs, at each admission.
  'CREATE INDEX job_client ON job (lane_id, client_id, state, id)',
  // The other orders, finished jobs only: a job enters these once. Open jobs are found by job_state and sorted.
  `CREATE INDEX job_created ON job (lane_id, created_at, id) ${finished}`,
  `CREATE INDEX job_by_updated ON job (lane_id, updated_at, id) ${finished}`,
  `CREATE INDEX job_by_run_at ON job (lane_id, run_at, id) ${finished}`,
  `CREATE INDEX job_by_priority ON job (lane_id, priority, id) ${finished}`,
  `CREATE INDEX job_by_workflow ON job (lane_id, workflow, id) ${finished}`,
  // Few rows, or none at all.
  'CREATE INDEX job_persist ON job (lane_id, id) WHERE persist',
  'CREATE INDEX job_moved ON job (lane_id, position, id) WHERE position <> 1',
  'CREATE INDEX job_on_top ON job (lane_id, id) WHERE top_of_queue',
  // What the dashboard lists of the scheduled ones.
  `CREATE INDEX job_scheduled ON job (lane_id, run_at, id) WHERE state = 'scheduled'`,
];

const search = [
  // The submitted parameters as text. A table of its own, written in the background: in `job` each of a job's transitions would
  // write some hundred trigrams anew, which doubles what a job costs.
  `CREATE TABLE job_search (
    job_id bigint PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    body text NOT NULL
  )`,
  // The list of what is not sorted in yet is read at each search: short, as the background writes it.
  'CREATE INDEX job_search_body ON job_search USING gin (body gin_trgm_ops) WITH (gin_pending_list_limit = 1024)',
];

const totals = [
  // Tasks and executions that were not over when the counts were folded past them.
  `CREATE TABLE unsettled (
    kind text NOT NULL CHECK (kind IN ('task', 'execution')),
    id bigint NOT NULL,
    PRIMARY KEY (kind, id)
  )`,
  // Up to which id the counts have been folded, and job_search been written.
  `INSERT INTO counter (name, value) SELECT 'mark:' || name, 0 FROM unnest(ARRAY['execution', 'job_search', 'job_transition', 'task']) AS name`,
];
