import { bigints, type Sql } from '../sql';

export interface WebhookTryRow {
  jobId: string;
  url: string;
  body: string;
  at: Date;
  status: number | null;
  error: string | null;
  sentHeaders: Record<string, string> | null;
  answerHeaders: Record<string, string> | null;
  answerBody: string | null;
}

/** Webhooks and mails of runs, for those who are shown what became of them. */
export class RunDeliveryStore {
  constructor(private readonly sql: Sql) {}

  /** Tries of the webhooks of runs, in order. */
  async webhookTries(jobIds: string[]): Promise<WebhookTryRow[]> {
    if (jobIds.length === 0) return [];
    return this.sql.query<WebhookTryRow>(
      `SELECT d.job_id AS "jobId", d.url, d.body, a.at, a.status, a.error, a.sent_headers AS "sentHeaders",
              a.answer_headers AS "answerHeaders", a.answer_body AS "answerBody"
       FROM delivery d JOIN delivery_attempt a ON a.delivery_id = d.id
       WHERE d.job_id = ANY($1::bigint[]) AND d.kind = 'webhook' ORDER BY a.at, a.delivery_id, a.number`,
      [bigints(jobIds)],
    );
  }

  /** What waits to be sent for runs, by kind, and when the first of what waits for its time is due. */
  async waitingOfRuns(): Promise<{ webhooks: number; mails: number; delayed: number; nextAt: Date | null }> {
    const [row] = await this.sql.query<{ webhooks: number; mails: number; delayed: number; nextAt: Date | null }>(
      `SELECT count(*) FILTER (WHERE kind = 'webhook' AND next_at <= statement_timestamp())::int AS webhooks,
              count(*) FILTER (WHERE kind = 'mail' AND next_at <= statement_timestamp())::int AS mails,
              count(*) FILTER (WHERE next_at > statement_timestamp())::int AS delayed,
              min(next_at) FILTER (WHERE next_at > statement_timestamp()) AS "nextAt"
       FROM delivery WHERE state = 'pending' AND kind <> 'callback'`,
    );
    return row!;
  }
}
