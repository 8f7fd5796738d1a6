import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { temporaryFolder } from '../../support/test-servers';
import { BOOTSTRAP, query, type Shown, TaskEngineClient } from './task-engine-client';

/** A server that counts the connections it sees, whatever comes over them. */
export class Witness {
  connections = 0;
  /** Paths that were asked for. */
  readonly paths: string[] = [];

  private constructor(private readonly server: Server) {}

  /** On every address of the machine unless `host` says which. */
  static async start(host?: string, port = 0, answer: RequestListener = (_, response) => response.end('inside')) {
    const server = createServer();
    const witness = new Witness(server);
    server.on('connection', () => (witness.connections += 1));
    server.on('request', (request, response) => {
      witness.paths.push(request.url ?? '');
      request.resume();
      // every request shows as a connection of its own
      response.setHeader('connection', 'close');
      answer(request, response);
    });
    await new Promise<void>((done, failed) => server.once('error', failed).listen(port, host, done));
    return witness;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(() => done()));
  }
}

/** A port where nobody listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  const witness = await Witness.start();
  const { port } = witness;
  await witness.close();
  return port;
}

export interface Delivery {
  url: string;
  state: string;
  attempts: number;
  status: number | null;
  error: string | null;
  /** Of its first try. */
  milliseconds: number | null;
}

/** The five apps, with a workflow whose only step asks `parameters.url`, and names that resolve as a test says. */
export class HostileSuite {
  readonly api: TaskEngineClient;

  private constructor(
    private readonly suite: TestSuite,
    private readonly lookupLog: string,
  ) {
    this.api = new TaskEngineClient(suite.url);
  }

  static async start(allow: string, names: Record<string, string[][]>): Promise<HostileSuite> {
    const folder = temporaryFolder('hostile-urls');
    mkdirSync(join(folder, 'common'));
    writeFileSync(join(folder, 'common', 'ask.yaml'), ASK);
    const lookupLog = join(folder, 'lookups');
    writeFileSync(lookupLog, '');
    const suite = await startSuite({
      env: {
        BOOTSTRAP_CLIENTS: BOOTSTRAP,
        OUTBOUND_ALLOW: allow,
        WORKFLOWS_DIR: folder,
        NODE_OPTIONS: `--require ${resolve(__dirname, 'hostile-urls.names.cjs')}`,
        TEST_NAMES: JSON.stringify(names),
        TEST_NAMES_LOG: lookupLog,
        CALLBACK_FIRST_RETRY_SECONDS: '600',
      },
    });
    const hostile = new HostileSuite(suite, lookupLog);
    await hostile.api.post('/settings', { name: 'max_jobs', setting: '10' });
    await hostile.api.post('/settings', { name: 'retry_limit', setting: '0' });
    return hostile;
  }

  async stop(): Promise<void> {
    await this.suite.stop();
  }

  /** Look-ups of a name, each with what it was told. */
  lookups(name: string): string[] {
    const lines = readFileSync(this.lookupLog, 'utf8').split('\n');
    return lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  }

  query<Row = Shown>(text: string, values: unknown[] = []): Promise<Row[]> {
    return query<Row>(this.suite.databaseUrl, text, values);
  }

  /** Deliveries of a job, by URL, once none waits for its first try. */
  async deliveries(jobId: number, count: number): Promise<Delivery[]> {
    return eventually(
      async () => {
        const rows = await this.query<Delivery>(
          `SELECT d.url, d.state, d.attempts, d.last_status AS status, d.last_error AS error, a.milliseconds
           FROM delivery d LEFT JOIN delivery_attempt a ON a.delivery_id = d.id AND a.number = 1
           WHERE d.job_id = $1 AND d.event = 'job_completed' ORDER BY d.id`,
          [jobId],
        );
        expect(rows).toHaveLength(count);
        expect(rows.filter(({ attempts, state }) => attempts === 0 || state === 'sending')).toEqual([]);
        return rows;
      },
      { timeout: 45_000 },
    );
  }

  /** The log of each job as the API shows it, without the request, once every one has a line for which the test holds. */
  logs(jobIds: number[], test: RegExp): Promise<string[][]> {
    return eventually(
      async () => {
        const without = await this.query(
          `SELECT id FROM unnest($1::bigint[]) AS j (id) WHERE NOT EXISTS (SELECT FROM job_log WHERE job_id = j.id AND message ~ $2)`,
          [jobIds, test.source],
        );
        expect(without).toEqual([]);
        const logs: string[][] = [];
        for (const id of jobIds) {
          const { body } = await this.api.get<{ message: string }[]>(`/logs/${id}?show_all=1`);
          logs.push(body.map(({ message }) => message).slice(1));
        }
        return logs;
      },
      { timeout: 45_000 },
    );
  }

  async log(jobId: number, test: RegExp): Promise<string[]> {
    return (await this.logs([jobId], test))[0]!;
  }

  /** The jobs as the API shows them at their end. */
  async finished(jobIds: number[]): Promise<Shown[]> {
    await eventually(
      async () =>
        expect(
          await this.query(`SELECT id FROM job WHERE id = ANY($1::bigint[]) AND finished_at IS NULL`, [jobIds]),
        ).toEqual([]),
      { timeout: 45_000 },
    );
    const jobs: Shown[] = [];
    for (const id of jobIds) jobs.push(await this.api.job(id));
    return jobs;
  }
}

const ASK = `workflow: ask
version: 1
description: Asks one address.
parameters:
  type: object
  properties:
    url: { type: string }
tasks:
  - { name: ask, uses: http, with: { url: '\${parameters.url}' } }
`;
