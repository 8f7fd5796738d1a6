import { createDataSource, Database, type DeliveryRecord, type NewDelivery } from '@task-engine/database';
import { DatabaseReadiness, MigrationsReadiness } from '@task-engine/database';
import { NotificationServer, RedisReadiness, SubscriberReadiness } from '@task-engine/messaging';
import {
  type DispatcherConfiguration,
  dispatcherSchema,
  loadConfiguration,
  type RunningApp,
  startApp,
} from '@task-engine/platform';
import type { DataSource } from 'typeorm';

import { DispatcherModule } from '../../../apps/callback-dispatcher/src/dispatcher.module';
import { eventually } from '../../support/eventually';
import { createTestDatabase, redisPrefix, redisUrl, type TestDatabase } from '../../support/test-database';

const DIGEST = 'test-definition';

export interface DeliverySeed {
  url: string;
  jobId?: string;
  taskId?: string;
  event?: string;
  body?: string;
  headers?: Record<string, string>;
}

/** A database with a client and jobs, deliveries written as the engine writes them, and dispatchers to send them. */
export class CallbackSuite {
  readonly dispatchers: RunningApp[] = [];
  private clientId = 0;

  private constructor(
    private readonly testDatabase: TestDatabase,
    private readonly dataSource: DataSource,
    readonly database: Database,
    readonly environment: Record<string, string>,
  ) {}

  static async start(variables: Record<string, string> = {}): Promise<CallbackSuite> {
    const testDatabase = await createTestDatabase();
    const dataSource = await createDataSource({ url: testDatabase.url }).initialize();
    const environment = {
      DATABASE_URL: testDatabase.url,
      REDIS_URL: variables.REDIS_URL ?? (await redisUrl()),
      REDIS_PREFIX: redisPrefix(),
      OPS_PORT: '0',
      LOG_LEVEL: 'silent',
      OUTBOUND_ALLOW: '127.0.0.1',
      LEASE_SECONDS: '2',
      HEARTBEAT_SECONDS: '1',
      CALLBACK_FIRST_RETRY_SECONDS: '1',
      SHUTDOWN_SECONDS: '10',
      ...variables,
    };
    const suite = new CallbackSuite(testDatabase, dataSource, new Database(dataSource), environment);
    await suite.seed();
    return suite;
  }

  async stop(): Promise<void> {
    await this.stopDispatchers();
    await this.dataSource.destroy();
    await this.testDatabase.drop();
  }

  async stopDispatchers(): Promise<void> {
    await Promise.all(this.dispatchers.splice(0).map((dispatcher) => dispatcher.stop()));
  }

  query<Row>(text: string, parameters: unknown[] = []): Promise<Row[]> {
    return this.dataSource.query<Row[]>(text, parameters);
  }

  async startDispatcher(variables: Record<string, string> = {}): Promise<RunningApp> {
    const configuration: DispatcherConfiguration = loadConfiguration(dispatcherSchema, {
      ...this.environment,
      ...variables,
    });
    const dispatcher = await startApp({
      name: 'callback-dispatcher',
      module: DispatcherModule.forRoot(configuration),
      configuration,
      port: configuration.OPS_PORT,
      host: configuration.HOST,
      readiness: (app) => [
        app.get(DatabaseReadiness),
        app.get(MigrationsReadiness),
        app.get(RedisReadiness),
        app.get(SubscriberReadiness),
      ],
      strategy: (app) => app.get(NotificationServer),
    });
    this.dispatchers.push(dispatcher);
    return dispatcher;
  }

  async signWith(secret: string | null, headers: Record<string, string> = {}): Promise<void> {
    await this.query(`UPDATE client SET signing_secret = $1, callback_headers = $2`, [secret, JSON.stringify(headers)]);
  }

  async job(): Promise<string> {
    const [id] = await this.database.stores.jobs.insert([
      {
        laneId: 1,
        clientId: this.clientId,
        workflow: 'noop',
        definitionDigest: DIGEST,
        submitted: {},
        parameters: {},
        priority: 5,
        state: 'queued',
        waitReason: null,
        runAt: null,
        semaphoreUrl: null,
        persist: false,
        log: [],
      },
    ]);
    return id!;
  }

  /** Written in one transaction, as a transition writes them. Without a hint: dispatchers find them by themselves. */
  async deliver(...seeds: DeliverySeed[]): Promise<string[]> {
    const jobId = seeds.every((seed) => seed.jobId) ? '' : await this.job();
    const rows = seeds.map<NewDelivery>((seed, index) => ({
      clientId: this.clientId,
      jobId: seed.jobId ?? jobId,
      taskId: seed.taskId ?? '0',
      event: seed.event ?? 'start',
      url: seed.url,
      body: seed.body ?? JSON.stringify({ n: index }),
      headers: seed.headers ?? {},
      verifyTls: true,
    }));
    const inserted = await this.database.transaction((stores) => stores.deliveries.insert(rows));
    return inserted.map(({ id }) => id);
  }

  async delivery(id: string): Promise<DeliveryRecord> {
    const found = (await this.database.stores.deliveries.list({ limit: 100_000 })).find((record) => record.id === id);
    return found!;
  }

  /** Waits until the delivery is in the state. */
  reached(id: string, state: DeliveryRecord['state'], timeout = 10_000): Promise<DeliveryRecord> {
    return eventually(
      async () => {
        const record = await this.delivery(id);
        if (record.state !== state)
          throw new Error(`delivery ${id} is ${record.state} (${record.lastError ?? 'no error'}), not ${state}`);
        return record;
      },
      { timeout },
    );
  }

  attempts(id: string): Promise<{ number: number; status: number | null; error: string | null }[]> {
    return this.query(`SELECT number, status, error FROM delivery_attempt WHERE delivery_id = $1 ORDER BY number`, [
      id,
    ]);
  }

  log(jobId: string): Promise<{ task_id: string; severity: number; message: string; visible: boolean }[]> {
    return this.query(
      `SELECT task_id, severity, message, visible FROM job_log WHERE job_id = $1 AND progname = 'callback' ORDER BY id`,
      [jobId],
    );
  }

  async jobOf(id: string): Promise<string> {
    return (await this.delivery(id)).jobId;
  }

  private async seed(): Promise<void> {
    const client = await this.database.stores.clients.ensure('demo-client');
    this.clientId = client.id;
    const callbacks = {
      headers: { 'X-Definition': 'yes' },
      verifyTls: true,
      endpoints: [],
      task: { body: {} },
      job: { body: {}, onFailure: {} },
    };
    await this.database.stores.definitions.keep(DIGEST, 'noop', { workflow: 'noop', source: 'common', callbacks });
  }
}
