import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Database } from '@task-engine/database';
import {
  AdmitJobs,
  AdvanceJobs,
  ClaimExecutions,
  type ClaimedWork,
  ClientKeys,
  EngineModule,
  type Outcome,
  ReportExecutions,
  SubmitJob,
} from '@task-engine/engine';
import { controllerSchema, createLog, loadConfiguration, Log } from '@task-engine/platform';
import { createTestDatabase, redisPrefix, redisUrl } from './test-database';

/** A worker that exists only as an id: what holds a lease in tests of the verbs. */
export const WORKER = '11111111-1111-4111-8111-111111111111';

/** The engine's verbs on a database of their own, with no app running: every step is the test's. */
export class TestEngine {
  private constructor(
    private readonly app: INestApplicationContext,
    private readonly close: () => Promise<void>,
    readonly url: string,
  ) {}

  static async start(): Promise<TestEngine> {
    const database = await createTestDatabase();
    const dataDir = mkdtempSync(join(tmpdir(), 'task-engine-verbs-'));
    const configuration = loadConfiguration(controllerSchema, {
      DATABASE_URL: database.url,
      DATABASE_POOL_SIZE: '20',
      REDIS_URL: await redisUrl(),
      REDIS_PREFIX: redisPrefix(),
      DATA_DIR: dataDir,
    });
    class PlatformPart {}
    class Root {}
    const app = await NestFactory.createApplicationContext(
      {
        module: Root,
        imports: [
          {
            module: PlatformPart,
            global: true,
            providers: [{ provide: Log, useFactory: () => createLog({ name: 'test', level: 'fatal' }) }],
            exports: [Log],
          },
          EngineModule.forRoot({ app: 'job-controller', configuration }),
        ],
      },
      { logger: false },
    );
    const close = async () => {
      await app.close();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    };
    const engine = new TestEngine(app, close, database.url);
    await engine.get(ClientKeys).bootstrap([
      { name: 'demo-client', key: 'demo-key' },
      { name: 'other-client', key: 'other-key' },
    ]);
    return engine;
  }

  get<Verb>(verb: Type<Verb> | (abstract new (...args: never[]) => Verb)): Verb {
    return this.app.get(verb);
  }

  get stores(): Database['stores'] {
    return this.get(Database).stores;
  }

  async query<Row>(sql: string, parameters?: unknown[]): Promise<Row[]> {
    return this.get(Database).dataSource.query<Row[]>(sql, parameters);
  }

  async client(name = 'demo-client'): Promise<{ id: number; name: string }> {
    return (await this.stores.clients.find(name))!;
  }

  /** Submits a job and answers its id. */
  async submit(
    workflow: string,
    parameters: object = {},
    job: { priority?: number; runAt?: string; semaphoreUrl?: string; client?: string } = {},
  ): Promise<string> {
    const client = await this.client(job.client);
    // in bulk: a single one would be started by the submit itself
    const [id] = await this.get(SubmitJob).bulk([{ ...job, client, workflow, parameters, requestLog: '{}' }]);
    return id!;
  }

  async admit(): Promise<number> {
    return (await this.get(AdmitJobs).run((await this.stores.lanes.findByName('engine'))!.id)).started;
  }

  async state(jobId: string): Promise<string> {
    return (await this.stores.jobs.find(jobId))!.state;
  }

  /** Queued executions of a job, oldest first. */
  async queuedExecutions(jobId: string): Promise<string[]> {
    const rows = await this.query<{ id: string }>(
      `SELECT id FROM execution WHERE job_id = $1 AND state = 'queued' ORDER BY id`,
      [jobId],
    );
    return rows.map((row) => row.id);
  }

  /** Claims the job's queued executions that are due. */
  async claim(jobId: string, leaseSeconds = 10, { lastChance = true } = {}): Promise<ClaimedWork[]> {
    const executionIds = await this.queuedExecutions(jobId);
    return this.get(ClaimExecutions).run({ executionIds, lastChance }, WORKER, leaseSeconds);
  }

  async report(work: ClaimedWork, outcome: Outcome = { state: 'succeeded', output: {} }): Promise<boolean> {
    const lease = { executionId: work.executionId, token: work.token };
    const [taken] = await this.get(ReportExecutions).run([{ lease, job: work.job, outcome, lines: [] }]);
    return taken!;
  }

  async advance(jobId: string): Promise<void> {
    await this.get(AdvanceJobs).run([jobId]);
  }

  async messages(jobId: string): Promise<string[]> {
    const rows = await this.query<{ message: string }>(`SELECT message FROM job_log WHERE job_id = $1 ORDER BY id`, [
      jobId,
    ]);
    return rows.map((row) => row.message);
  }

  async stop(): Promise<void> {
    await this.close();
  }
}
