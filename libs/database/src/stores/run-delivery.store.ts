import { bigints, type Sql } from '../sql';

export interface WebhookTryRow {
  jobId: string;
  url: string;
  /** Of one that was not taken, its beginning. */
  body: string;
  /** Characters behind that. */
  bodyOmitted: number;
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

  /**
   * Tries of the webhooks of runs, in order: those that were taken, and the last ones of each run that were not.
   * @param failed how many of these at most
   * @param body characters of what was sent at most; null: all
   */
  async webhookTries(jobIds: string[], failed: number, body: number | null): Promise<WebhookTryRow[]> {
    if (jobIds.length === 0) return [];
    return this.sql.query<WebhookTryRow>(
      `SELECT tried."jobId", d.url, tried.at, tried.status, tried.error, tried."sentHeaders", tried."answerHeaders", tried."answerBody",
              CASE WHEN tried.error IS NULL THEN '' WHEN $3::int IS NULL THEN d.body ELSE left(d.body, $3) END AS body,
              CASE WHEN tried.error IS NULL OR $3::int IS NULL THEN 0 ELSE GREATEST(0, length(d.body) - $3) END AS "bodyOmitted"
       FROM (
         SELECT d.job_id AS "jobId", a.delivery_id, a.number, a.at, a.status, a.error, a.sent_headers AS "sentHeaders",
                a.answer_headers AS "answerHeaders", a.answer_body AS "answerBody",
                row_number() OVER (PARTITION BY d.job_id, a.error IS NULL ORDER BY a.at DESC, a.delivery_id DESC, a.number DESC) AS back
         FROM delivery d JOIN delivery_attempt a ON a.delivery_id = d.id WHERE d.job_id = ANY($1::bigint[]) AND d.kind = 'webhook'
       ) tried JOIN delivery d ON d.id = tried.delivery_id
       WHERE tried.error IS NULL OR tried.back <= $2 ORDER BY tried.at, tried.delivery_id, tried.number`,
      [bigints(jobIds), failed, body],
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
