import type { TestEngine } from '../../support/start-engine';

let made = 0;

/** A worker with a secret that nobody needs. */
export async function addWorker(engine: TestEngine): Promise<{ id: number }> {
  made += 1;
  const [row] = await engine.query<{ id: number }>(
    `INSERT INTO pull_worker (alias, secret) VALUES ($1, '\\x00') RETURNING id`,
    [`worker ${made}`],
  );
  return row!;
}

/** A project in which these workers may do everything. */
export async function addProject(
  engine: TestEngine,
  {
    chain = null,
    submitRate = null,
    public: isPublic = true,
  }: { chain?: bigint | null; submitRate?: number | null; public?: boolean },
  workers: { id: number }[],
): Promise<bigint> {
  made += 1;
  const id = await engine.stores.projects.insert(
    {
      priority: 0n,
      name: `project ${made}`,
      cloneUrl: '',
      gitRepo: '',
      version: '',
      motd: '',
      public: isPublic,
      hidden: false,
      chainId: chain === null ? null : Number(chain),
      assignRate: null,
      submitRate,
    },
    'secret',
  );
  for (const worker of workers) {
    await engine.query(
      `INSERT INTO project_access (project_id, worker_id, assign, submit, pending) VALUES ($1, $2, true, true, false)`,
      [id, worker.id],
    );
  }
  return BigInt(id);
}
