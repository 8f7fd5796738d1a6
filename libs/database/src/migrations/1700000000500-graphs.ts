import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tasks that wait for each other. A graph task is one job that runs a command line; `graph_task` holds what only such a task has,
 * `graph_edge` for what it still waits. Webhooks are what clients subscribe to; their deliveries outlive the jobs they tell of.
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
    unmet integer NOT NULL CHECK (unmet >= 0),
    earlier_tries integer NOT NULL DEFAULT 0,
    checkpoint_enabled boolean NOT NULL,
    checkpoint jsonb,
    checkpoint_key bytea,
    result text
  )`,
  `CREATE INDEX graph_task_client ON graph_task (client_id, job_id)`,
  `CREATE INDEX graph_task_tags ON graph_task USING gin (tags)`,
  // Only what is not met yet: a walk along them finds every circle that a task which still waits could be part of.
  `CREATE TABLE graph_edge (
    job_id bigint NOT NULL,
    parent_id bigint NOT NULL,
    PRIMARY KEY (job_id, parent_id)
  )`,
  `CREATE INDEX graph_edge_parent ON graph_edge (parent_id, job_id)`,
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
];

const clients = [`ALTER TABLE client ADD requests_per_minute integer CHECK (requests_per_minute >= 1)`];

const back = [
  `ALTER TABLE client DROP requests_per_minute`,
  `DELETE FROM delivery WHERE webhook_id IS NOT NULL`,
  `ALTER TABLE delivery DROP webhook_id, DROP CONSTRAINT delivery_kind_check,
     ADD CONSTRAINT delivery_kind_check CHECK (kind IN ('callback', 'webhook', 'mail'))`,
  ...['webhook', 'graph_hour', 'graph_edge', 'graph_task'].map((table) => `DROP TABLE ${table}`),
  `ALTER TABLE worker DROP version, DROP tags, DROP stopped_at, DROP offline_told, DROP cpu_usage, DROP memory_usage, DROP disk_usage,
     DROP tasks_completed, DROP tasks_failed`,
  `DELETE FROM lane WHERE name = 'task-scheduler' OR name LIKE 'task-scheduler/%'`,
];
