import { randomUUID } from 'node:crypto';
import { createDataSource, Database, type NewDelivery } from '@task-engine/database';
import type { Client } from 'pg';
import type { Message } from './callbacks-floor';
import { copyFinishedJob } from './faulted-drain-history';

/** Rows inserted with one statement. */
const INSERT_BATCH = 500;

/** The text of a callback about a finished job, as the engine's own look: an object with what the submitter gave along. */
export function callbackBody(jobId: string): string {
  return JSON.stringify({
    job_id: jobId,
    status: 'completed',
    workflow: 'noop',
    content_id: `asset-${jobId}`,
    custom_data: { title: 'A programme of some length', channel: 'channel-17', tags: ['news', 'evening', 'archive'] },
    time: new Date().toISOString(),
    client: 'bench',
  });
}

/** What the floor sends: one message for each delivery of the engine, in the same order over the endpoints, with the same text. */
export function messagesFor(urls: readonly string[], count: number): Message[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `msg_${randomUUID()}`,
    url: urls[index % urls.length]!,
    body: callbackBody(String(100_000 + index)),
  }));
}

/** The dispatcher looks at least this often while it knows of nothing (POLL_SECONDS there); then it sleeps until what it has found is due. */
const POLL_MS = 5_000;
/** Guess before the first write, in ms for each row. */
const ROW_MS = 2;
/** Writing may take so many times longer than the last time. */
const SLACK = 3;

/** Writes callbacks of finished jobs into the engine's tables, one for each job, to be due together. */
export class CallbackBacklog {
  private rowMs = ROW_MS;

  private constructor(
    private readonly client: Client,
    private readonly database: Database,
    private readonly template: { jobId: string; clientId: number; taskId: string },
  ) {}

  /**
   * Needs one finished job; its client signs with the secret from now on.
   * @param client of a superuser
   */
  static async open(client: Client, databaseUrl: string, secret: string): Promise<CallbackBacklog> {
    const { rows } = await client.query<{ jobId: string; clientId: number; taskId: string }>(
      `SELECT j.id AS "jobId", j.client_id AS "clientId", t.id AS "taskId" FROM job j JOIN task t ON t.job_id = j.id
       WHERE j.state = 'completed' ORDER BY j.id DESC LIMIT 1`,
    );
    await client.query('UPDATE client SET signing_secret = $1', [secret]);
    const source = createDataSource({ url: databaseUrl, poolSize: 1, applicationName: 'bench' });
    await source.initialize();
    return new CallbackBacklog(client, new Database(source), rows[0]!);
  }

  /**
   * Callbacks evenly over the endpoints, all due at one moment that every dispatcher knows of in time.
   * @throws Error when writing took so long that they do not
   */
  async write(urls: readonly string[], count: number): Promise<{ ids: string[]; due: Date }> {
    const { jobId, clientId, taskId } = this.template;
    const base = await copyFinishedJob(this.client, jobId, count);
    const began = Date.now();
    const due = new Date(began + 2 * POLL_MS + SLACK * this.rowMs * count);
    const deliveries = Array.from({ length: count }, (_, index): NewDelivery => {
      const id = String(base + BigInt(index) + 1n);
      const body = callbackBody(id);
      return {
        clientId,
        jobId: id,
        taskId,
        event: 'job_completed',
        url: urls[index % urls.length]!,
        body,
        headers: {},
        verifyTls: true,
      };
    });
    // the store writes what is due at once; updated afterwards, the rows would be sent already, or lie there twice
    await this.client.query(`ALTER TABLE delivery ALTER next_at SET DEFAULT '${due.toISOString()}'`);
    for (let from = 0; from < count; from += INSERT_BATCH)
      await this.database.stores.deliveries.insert(deliveries.slice(from, from + INSERT_BATCH));
    await this.client.query('ALTER TABLE delivery ALTER next_at SET DEFAULT now()');
    this.rowMs = (Date.now() - began) / count;
    await this.client.query('ANALYZE delivery');
    if (Date.now() > due.getTime() - POLL_MS) throw new Error('writing took longer than expected; try again');
    const { rows } = await this.client.query<{ id: string }>(
      'SELECT message_id AS id FROM delivery WHERE next_at = $1',
      [due],
    );
    return { ids: rows.map(({ id }) => id), due };
  }

  async close(): Promise<void> {
    await this.database.dataSource.destroy();
  }
}
