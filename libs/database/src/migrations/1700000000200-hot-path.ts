import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a job costs, made less: workers claim from the table by queue, so rows know whether they may be claimed; updates that are frequent
 * touch no indexed column where that can be avoided; and rows that only belong to a job refer to it without a foreign key, whose check
 * would look the job up for each of them (they are written by whoever holds the job's lock, and retention deletes them with it).
 */
export class HotPath1700000000200 implements MigrationInterface {
  name = 'HotPath1700000000200';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...executions, ...tasks, ...reasons, ...logs, ...references, ...vacuum])
      await runner.query(statement);
  }

  /** The dispatch times of queued executions are gone; those of the past are not missed. */
  async down(runner: QueryRunner): Promise<void> {
    for (const statement of back) await runner.query(statement);
  }
}

const executions = [
  // both indexes on dispatched_at go with it
  `ALTER TABLE execution DROP COLUMN dispatched_at,
     ADD COLUMN parked boolean NOT NULL DEFAULT false,
     ADD COLUMN last_chance boolean NOT NULL DEFAULT false`,
  `UPDATE execution SET parked = true FROM job WHERE job.id = execution.job_id AND execution.state = 'queued' AND job.state <> 'started'`,
  // What workers claim, in order.
  `CREATE INDEX execution_queue ON execution (queue, available_at, id) WHERE state = 'queued' AND NOT parked AND NOT last_chance`,
  // The few that run alone: apart, so that no claim steps over the others in search of its own.
  `CREATE INDEX execution_last_chance ON execution (queue, available_at, id) WHERE state = 'queued' AND NOT parked AND last_chance`,
  // execution_job and execution_live answer what this one did.
  `DROP INDEX execution_task`,
];

const tasks = [
  `ALTER TABLE task DROP CONSTRAINT task_job_id_name_key`,
  // By error, not by state: a task that starts or completes then changes no indexed column and stays in its page.
  `DROP INDEX task_failed`,
  `CREATE INDEX task_failed ON task (id) WHERE error IS NOT NULL`,
  `ALTER TABLE task SET (fillfactor = 70)`,
];

const reasons = [
  // Why a queued job waits is told when somebody asks, not written.
  `DROP INDEX job_unexplained`,
  `UPDATE job SET wait_reason = NULL WHERE state = 'queued' AND wait_reason IS NOT NULL`,
];

const logs = [
  `ALTER TABLE job_log DROP CONSTRAINT job_log_pkey, ADD PRIMARY KEY (job_id, id)`,
  `DROP INDEX job_log_job`,
];

const references = [
  `ALTER TABLE task DROP CONSTRAINT task_job_id_fkey`,
  `ALTER TABLE execution DROP CONSTRAINT execution_task_id_fkey`,
  `ALTER TABLE job_log DROP CONSTRAINT job_log_job_id_fkey`,
  `ALTER TABLE job_transition DROP CONSTRAINT job_transition_job_id_fkey`,
  `ALTER TABLE delivery DROP CONSTRAINT delivery_job_id_fkey`,
];

/** Rows of these tables change several times within a second and then never again: clean up by number, not by share of millions. */
const vacuum = ['job', 'task', 'execution', 'delivery'].map(
  (table) =>
    `ALTER TABLE ${table} SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000,
       autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000)`,
);

const back = [
  ...['job', 'task', 'execution', 'delivery'].map(
    (table) =>
      `ALTER TABLE ${table} RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor, autovacuum_analyze_threshold)`,
  ),
  ...['delivery', 'job_transition', 'job_log', 'task'].map(
    (table) => `ALTER TABLE ${table} ADD FOREIGN KEY (job_id) REFERENCES job ON DELETE CASCADE`,
  ),
  `ALTER TABLE execution ADD FOREIGN KEY (task_id) REFERENCES task ON DELETE CASCADE`,
  `CREATE INDEX job_log_job ON job_log (job_id, id)`,
  `ALTER TABLE job_log DROP CONSTRAINT job_log_pkey, ADD PRIMARY KEY (id)`,
  `CREATE INDEX job_unexplained ON job (lane_id) WHERE state = 'queued' AND wait_reason IS NULL`,
  `ALTER TABLE task RESET (fillfactor)`,
  `DROP INDEX task_failed`,
  `CREATE INDEX task_failed ON task (id) WHERE state = 'failed'`,
  `ALTER TABLE task ADD UNIQUE (job_id, name)`,
  `CREATE INDEX execution_task ON execution (task_id)`,
  `DROP INDEX execution_queue, execution_last_chance`,
  `ALTER TABLE execution DROP COLUMN parked, DROP COLUMN last_chance, ADD COLUMN dispatched_at timestamptz`,
  `CREATE INDEX execution_due ON execution (available_at) WHERE state = 'queued' AND dispatched_at IS NULL`,
  `CREATE INDEX execution_dispatched ON execution (dispatched_at) WHERE state = 'queued'`,
];
