import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tasks that wait for each other. A graph task is one job that runs a command line; `graph_task` holds what only such a task has,
 * `graph_edge` for what it still waits and `graph_wait` for how many. Webhooks are what clients subscribe to; their deliveries outlive the jobs they tell of.
 */
export class Graphs1700000000500 implements MigrationInterface {
  name = 'Graphs1700000000500';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...tasks, ...workers, ...webhooks, ...clients]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of back) await runner.query(statement);
  }
}

const tasks = [
  `INSERT INTO lane (name, max_running) VALUES ('task-scheduler', 16)`,
  // What it came to is the output of the job's one task. Room in each page, so that a checkpoint stays in its page.
  `CREATE TABLE graph_task (
    job_id bigint PRIMARY KEY,
    client_id integer NOT NULL,
    name text NOT NULL,
    description text,
    command text NOT NULL,
    max_retries smallint NOT NULL,
    timeout_seconds integer NOT NULL,
    scheduled_at timestamptz,
    tags text[] NOT NULL,
    worker_tags text[] NOT NULL,
    dependencies bigint[] NOT NULL,
    earlier_tries integer NOT NULL DEFAULT 0,
    checkpoint_enabled boolean NOT NULL,
    checkpoint jsonb,
    checkpoint_key bytea
  ) WITH (fillfactor = 90)`,
  `CREATE INDEX graph_task_client ON graph_task (client_id, job_id)`,
  `CREATE INDEX graph_task_tags ON graph_task USING gin (tags)`,
  // Only what is not met yet: job_id waits for parent_id. One index is enough, from parent to child; the other way is graph_task.dependencies.
  `CREATE TABLE graph_edge (
    parent_id bigint NOT NULL,
    job_id bigint NOT NULL,
    PRIMARY KEY (parent_id, job_id)
  )`,
  // How many edges a task that had some still has. Apart and narrow: a task with a thousand parents is written here a thousand times.
  `CREATE TABLE graph_wait (
    job_id bigint PRIMARY KEY,
    unmet integer NOT NULL
  ) WITH (fillfactor = 50)`,
  ...['graph_edge', 'graph_wait'].map(
    (table) => `ALTER TABLE ${table} SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000,
      autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000)`,
  ),
  // A row for each worker: two that end tasks at one time never wait for each other.
  `CREATE TABLE graph_hour (
    hour timestamptz NOT NULL,
    worker_id uuid NOT NULL,
    completed bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    run_seconds double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, worker_id)
  )`,
];

const workers = [
  `ALTER TABLE worker ADD version text NOT NULL DEFAULT '', ADD tags text[] NOT NULL DEFAULT '{}', ADD stopped_at timestamptz,
     ADD offline_told boolean NOT NULL DEFAULT false, ADD cpu_usage real, ADD memory_usage real, ADD disk_usage real,
     ADD tasks_completed bigint NOT NULL DEFAULT 0, ADD tasks_failed bigint NOT NULL DEFAULT 0`,
  // What a worker has had; other executions pay nothing.
  `CREATE INDEX execution_shell_worker ON execution (worker_id, id) WHERE queue LIKE 'shell%' AND worker_id IS NOT NULL`,
];

const webhooks = [
  `CREATE TABLE webhook (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id integer NOT NULL REFERENCES client,
    url text NOT NULL,
    events text[] NOT NULL,
    secret text,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX webhook_client ON webhook (client_id, id)`,
  `ALTER TABLE delivery ADD webhook_id bigint, DROP CONSTRAINT delivery_kind_check,
     ADD CONSTRAINT delivery_kind_check CHECK (kind IN ('callback', 'webhook', 'mail', 'event')),
     ADD CONSTRAINT delivery_webhook_check CHECK ((webhook_id IS NOT NULL) = (kind = 'event'))`,
  `CREATE INDEX delivery_webhook ON delivery (webhook_id, id) WHERE webhook_id IS NOT NULL`,
  // They outlive their jobs: retention finds them here.
  `CREATE INDEX delivery_told ON delivery (finished_at) WHERE webhook_id IS NOT NULL AND finished_at IS NOT NULL`,
];

const clients = [
  `ALTER TABLE client ADD requests_per_minute integer CHECK (requests_per_minute >= 1)`,
  `CREATE INDEX client_capped ON client (id) WHERE max_running IS NOT NULL`,
];

const back = [
  `DROP INDEX client_capped`,
  `ALTER TABLE client DROP requests_per_minute`,
  `DELETE FROM delivery WHERE webhook_id IS NOT NULL`,
  `ALTER TABLE delivery DROP webhook_id, DROP CONSTRAINT delivery_kind_check,
     ADD CONSTRAINT delivery_kind_check CHECK (kind IN ('callback', 'webhook', 'mail'))`,
  `DROP INDEX execution_shell_worker`,
  ...['webhook', 'graph_hour', 'graph_wait', 'graph_edge', 'graph_task'].map((table) => `DROP TABLE ${table}`),
  `ALTER TABLE worker DROP version, DROP tags, DROP stopped_at, DROP offline_told, DROP cpu_usage, DROP memory_usage, DROP disk_usage,
     DROP tasks_completed, DROP tasks_failed`,
  `DELETE FROM lane WHERE name = 'task-scheduler' OR name LIKE 'task-scheduler/%'`,
];
