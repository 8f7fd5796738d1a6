import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Commands in containers: a group of commands, the commands with what their clients asked for, and their runs. A run is one job of the
 * engine, which knows when it may start and who has the lease; `run` holds what only a run has.
 */
export class Commands1700000000300 implements MigrationInterface {
  name = 'Commands1700000000300';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...commands, ...runs, ...hosts, ...deliveries, ...keys]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of back) await runner.query(statement);
  }
}

const commands = [
  `CREATE TABLE command_group (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    digest bytea NOT NULL UNIQUE,
    client_id integer NOT NULL REFERENCES client,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  // Whole words, split at everything that is neither a letter, a digit nor an underscore.
  `CREATE INDEX command_group_words ON command_group USING gin (to_tsvector('english', regexp_replace(name, '[^[:alnum:]_]+', ' ', 'g')))`,
  `CREATE TABLE command (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id integer NOT NULL REFERENCES command_group,
    uuid uuid NOT NULL,
    lane_id integer NOT NULL REFERENCES lane,
    image text NOT NULL,
    command text NOT NULL,
    request jsonb NOT NULL,
    retry_count integer NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
    next_at timestamptz,
    queue_id uuid NOT NULL,
    requested_from text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, uuid)
  )`,
  'CREATE INDEX command_recent ON command (group_id, updated_at DESC, id DESC)',
  // The last one that was added, and how many there are.
  'CREATE INDEX command_added ON command (group_id, id)',
  'CREATE INDEX command_due ON command (next_at) WHERE next_at IS NOT NULL',
];

const runs = [
  // Belongs to its job and goes with it; without a foreign key, as with tasks and executions.
  `CREATE TABLE run (
    job_id bigint PRIMARY KEY,
    uuid uuid NOT NULL UNIQUE,
    command_id bigint NOT NULL,
    cause text NOT NULL CHECK (cause IN ('request', 'schedule', 'cron', 'retry')),
    due_at timestamptz,
    state text NOT NULL DEFAULT 'waiting'
      CHECK (state IN ('waiting', 'pulling', 'running', 'succeeded', 'failed', 'timed_out', 'expired')),
    image text NOT NULL,
    command text NOT NULL,
    requested_from text,
    stop_requested_at timestamptz,
    host text,
    port integer,
    container_id text,
    exit_code integer,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'timed_out', 'expired')))
  )`,
  'CREATE INDEX run_command ON run (command_id, created_at DESC, job_id DESC)',
  // A cron rule fires once at each of its times.
  `CREATE UNIQUE INDEX run_firing ON run (command_id, due_at) WHERE cause = 'cron'`,
  `CREATE INDEX run_open ON run (state, created_at) WHERE finished_at IS NULL`,
  // bytes: of the output as it was written; text has the same as valid UTF-8.
  `CREATE TABLE run_output (
    job_id bigint NOT NULL,
    seq integer NOT NULL,
    stream text NOT NULL CHECK (stream IN ('stdout', 'stderr')),
    bytes integer NOT NULL CHECK (bytes >= 0),
    text text NOT NULL,
    PRIMARY KEY (job_id, seq)
  )`,
  `ALTER TABLE run_output ALTER COLUMN text SET STORAGE EXTERNAL`,
];

const hosts = [
  `CREATE TABLE container_host (
    host text PRIMARY KEY,
    blacklisted boolean NOT NULL DEFAULT false,
    failures integer NOT NULL DEFAULT 0,
    opened_at timestamptz,
    last_error text
  )`,
  // What a worker saw last. Rows of workers that are gone go with them.
  `CREATE TABLE worker_runtime (
    worker_id uuid PRIMARY KEY REFERENCES worker ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('docker', 'kubernetes', 'host')),
    hosts jsonb NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
  )`,
];

const deliveries = [
  // How it is sent and repeated; a webhook of a run has its own number of tries.
  `ALTER TABLE delivery ADD COLUMN kind text NOT NULL DEFAULT 'callback' CHECK (kind IN ('callback', 'webhook', 'mail')),
     ADD COLUMN max_attempts integer CHECK (max_attempts >= 1)`,
  // What was answered, for those who are shown it.
  `ALTER TABLE delivery_attempt ADD COLUMN sent_headers jsonb, ADD COLUMN answer_headers jsonb, ADD COLUMN answer_body text`,
];

/** What a command became has no job of its own while it waits for its time. */
const keys = [`ALTER TABLE idempotency_key ALTER COLUMN job_id DROP NOT NULL, ADD COLUMN answer jsonb`];

const back = [
  `DELETE FROM idempotency_key WHERE job_id IS NULL`,
  `ALTER TABLE idempotency_key DROP COLUMN answer, ALTER COLUMN job_id SET NOT NULL`,
  `ALTER TABLE delivery_attempt DROP COLUMN sent_headers, DROP COLUMN answer_headers, DROP COLUMN answer_body`,
  `ALTER TABLE delivery DROP COLUMN max_attempts, DROP COLUMN kind`,
  ...['worker_runtime', 'container_host', 'run_output', 'run', 'command', 'command_group'].map(
    (table) => `DROP TABLE ${table}`,
  ),
];
