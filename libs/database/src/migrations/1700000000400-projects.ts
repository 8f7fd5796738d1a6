import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Projects whose tasks workers pull. A project is a lane, a task of it one job that waits in the lane until a worker takes it; `pull_task`
 * holds what only such a task has. Managers look after projects.
 */
export class Projects1700000000400 implements MigrationInterface {
  name = 'Projects1700000000400';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...lanes, ...projects, ...managers, ...tasks]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of back) await runner.query(statement);
  }
}

const lanes = [
  // Workers take its jobs themselves: controllers leave them alone.
  `ALTER TABLE lane ADD pulled boolean NOT NULL DEFAULT false`,
];

const projects = [
  `CREATE TABLE project (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane_id integer NOT NULL UNIQUE REFERENCES lane,
    name text NOT NULL UNIQUE,
    priority bigint NOT NULL,
    clone_url text NOT NULL,
    git_repo text NOT NULL,
    version text NOT NULL,
    motd text NOT NULL,
    public boolean NOT NULL,
    hidden boolean NOT NULL CHECK (NOT (hidden AND public)),
    chain_id integer REFERENCES project CHECK (chain_id <> id),
    secret text NOT NULL DEFAULT '{}',
    webhook_secret text NOT NULL,
    assign_rate double precision,
    submit_rate double precision,
    assign_free_at timestamptz NOT NULL DEFAULT '-infinity',
    submit_free_at timestamptz NOT NULL DEFAULT '-infinity',
    closed_tasks bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX project_repository ON project (lower(git_repo))`,
  `CREATE TABLE pull_worker (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid NOT NULL DEFAULT gen_random_uuid(),
    alias text NOT NULL,
    secret bytea NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    closed_tasks bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE TABLE project_access (
    project_id integer NOT NULL REFERENCES project,
    worker_id integer NOT NULL REFERENCES pull_worker,
    assign boolean NOT NULL,
    submit boolean NOT NULL,
    pending boolean NOT NULL DEFAULT true,
    PRIMARY KEY (project_id, worker_id)
  )`,
  `CREATE TABLE worker_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_id integer NOT NULL REFERENCES pull_worker,
    level smallint NOT NULL,
    scope text NOT NULL,
    message text NOT NULL,
    logged_at bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE INDEX worker_log_level ON worker_log (level, logged_at)`,
  `CREATE INDEX worker_log_created ON worker_log (created_at)`,
  `CREATE TABLE project_snapshot (
    project_id integer NOT NULL REFERENCES project,
    at timestamptz NOT NULL DEFAULT now(),
    new_tasks bigint NOT NULL,
    failed_tasks bigint NOT NULL,
    closed_tasks bigint NOT NULL,
    accesses bigint NOT NULL,
    votes bigint NOT NULL,
    PRIMARY KEY (project_id, at)
  )`,
  `CREATE INDEX project_snapshot_at ON project_snapshot (at)`,
];

const managers = [
  `CREATE TABLE manager (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL UNIQUE,
    password text NOT NULL,
    admin boolean NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
  )`,
  `CREATE TABLE manager_session (
    digest bytea PRIMARY KEY,
    manager_id integer NOT NULL REFERENCES manager,
    expires_at timestamptz NOT NULL
  )`,
  `CREATE INDEX manager_session_expiry ON manager_session (expires_at)`,
  `CREATE TABLE project_role (
    manager_id integer NOT NULL REFERENCES manager,
    project_id integer NOT NULL REFERENCES project,
    role smallint NOT NULL,
    PRIMARY KEY (manager_id, project_id)
  )`,
  `CREATE INDEX project_role_project ON project_role (project_id)`,
];

const tasks = [
  `CREATE TABLE pull_task (
    job_id bigint PRIMARY KEY,
    project_id integer NOT NULL REFERENCES project,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'failed', 'closed')),
    priority smallint NOT NULL,
    hash bigint,
    recipe text NOT NULL,
    max_assign_seconds integer NOT NULL,
    max_retries smallint NOT NULL,
    retries integer NOT NULL DEFAULT 0,
    verifications smallint NOT NULL,
    votes integer NOT NULL DEFAULT 0,
    worker_id integer REFERENCES pull_worker,
    assigned_at timestamptz,
    step_id bigint UNIQUE
  )`,
  // Of what is open or failed; a hash comes free when its task is closed.
  `CREATE UNIQUE INDEX pull_task_hash ON pull_task (project_id, hash) WHERE state <> 'closed'`,
  // What a worker takes next. Tasks with votes apart: each worker may only have those that it has not voted for.
  `CREATE INDEX pull_task_fresh ON pull_task (project_id, priority, job_id) WHERE state = 'open' AND worker_id IS NULL AND votes = 0`,
  `CREATE INDEX pull_task_voted ON pull_task (project_id, priority, job_id) WHERE state = 'open' AND worker_id IS NULL AND votes > 0`,
  `CREATE INDEX pull_task_assigned ON pull_task (project_id, worker_id) WHERE worker_id IS NOT NULL`,
  `CREATE INDEX pull_task_failed ON pull_task (project_id, job_id) WHERE state = 'failed'`,
  `CREATE TABLE pull_vote (
    job_id bigint NOT NULL,
    worker_id integer NOT NULL REFERENCES pull_worker,
    hash bigint NOT NULL,
    PRIMARY KEY (job_id, worker_id)
  )`,
];

const back = [
  ...[
    'pull_vote',
    'pull_task',
    'project_role',
    'manager_session',
    'manager',
    'project_snapshot',
    'worker_log',
    'project_access',
    'pull_worker',
    'project',
  ].map((table) => `DROP TABLE ${table}`),
  `ALTER TABLE lane DROP pulled`,
];
