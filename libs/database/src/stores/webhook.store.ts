import type { DeliveryState } from '@task-engine/domain';
import { type Sql, unseen } from '../sql';

export interface Subscriber {
  id: string;
  clientId: number;
  url: string;
  events: string[];
}

export interface NewWebhook {
  clientId: number;
  url: string;
  events: string[];
  /** `whsec_` and the base64 of a key, or any text. Null signs nothing. */
  secret: string | null;
}

export interface WebhookRecord {
  id: string;
  url: string;
  events: string[];
  createdAt: Date;
}

export interface WebhookDeliveryRecord {
  id: string;
  messageId: string;
  event: string;
  state: DeliveryState;
  attempts: number;
  nextAt: Date;
  lastStatus: number | null;
  lastError: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}

/** Rows of a list that are wanted. */
export interface Slice {
  offset: number;
  limit: number;
}

const COLUMNS = `id, url, events, created_at AS "createdAt"`;

/** Webhooks that clients have made for events. Secrets leave it towards those alone who sign with them. */
export class WebhookStore {
  constructor(private readonly sql: Sql) {}

  /** Those of these clients (null: of all) that are for one of the events. */
  async subscribers(clientIds: number[] | null, events: string[]): Promise<Subscriber[]> {
    return this.sql.prepared(
      `SELECT id, client_id AS "clientId", url, events FROM webhook
       WHERE (${unseen('$1', 'int[]')} IS NULL OR client_id = ANY(${unseen('$1', 'int[]')})) AND events && ${unseen('$2', 'text[]')} ORDER BY id`,
      [clientIds, events],
    );
  }

  /** Undefined when the client has `most` already. The caller holds the client's lock: two at a time would not count each other. */
  async insert({ clientId, url, events, secret }: NewWebhook, most: number): Promise<WebhookRecord | undefined> {
    const rows = await this.sql.query<WebhookRecord>(
      `INSERT INTO webhook (client_id, url, events, secret) SELECT $1, $2, $3, $4
       WHERE (SELECT count(*) FROM webhook WHERE client_id = $1) < $5 RETURNING ${COLUMNS}`,
      [clientId, url, events, secret, most],
    );
    return rows[0];
  }

  /** Oldest first. */
  async list(clientId: number, { offset, limit }: Slice): Promise<{ webhooks: WebhookRecord[]; total: number }> {
    const [webhooks, [count]] = await Promise.all([
      this.sql.query<WebhookRecord>(
        `SELECT ${COLUMNS} FROM webhook WHERE client_id = $1 ORDER BY id OFFSET $2 LIMIT $3`,
        [clientId, offset, limit],
      ),
      this.sql.query<{ total: number }>(`SELECT count(*)::int AS total FROM webhook WHERE client_id = $1`, [clientId]),
    ]);
    return { webhooks, total: count!.total };
  }

  /** What waits to be sent for it ends at its next try; its deliveries go with retention: there may be millions. */
  async remove(clientId: number, id: string): Promise<boolean> {
    const rows = await this.sql.query(`DELETE FROM webhook WHERE id = $2 AND client_id = $1 RETURNING id`, [
      clientId,
      id,
    ]);
    return rows.length > 0;
  }

  /** Newest first. Undefined when the webhook is not the client's. */
  async deliveries(
    clientId: number,
    id: string,
    { offset, limit }: Slice,
  ): Promise<{ deliveries: WebhookDeliveryRecord[]; total: number } | undefined> {
    const [webhook] = await this.sql.query(`SELECT FROM webhook WHERE id = $2 AND client_id = $1`, [clientId, id]);
    if (!webhook) return undefined;
    const [deliveries, [count]] = await Promise.all([
      this.sql.query<WebhookDeliveryRecord>(
        `SELECT id, message_id AS "messageId", event, state, attempts, next_at AS "nextAt", last_status AS "lastStatus",
                last_error AS "lastError", created_at AS "createdAt", finished_at AS "finishedAt"
         FROM delivery WHERE webhook_id = $1 ORDER BY id DESC OFFSET $2 LIMIT $3`,
        [id, offset, limit],
      ),
      this.sql.query<{ total: number }>(`SELECT count(*)::int AS total FROM delivery WHERE webhook_id = $1`, [id]),
    ]);
    return { deliveries, total: count!.total };
  }

  /** State of one delivery of a webhook. Undefined when there is none, or the webhook is not the client's. */
  async deliveryState(clientId: number, id: string, deliveryId: string): Promise<DeliveryState | undefined> {
    const [row] = await this.sql.query<{ state: DeliveryState }>(
      `SELECT d.state FROM delivery d JOIN webhook w ON w.id = d.webhook_id WHERE d.id = $3 AND w.id = $2 AND w.client_id = $1`,
      [clientId, id, deliveryId],
    );
    return row?.state;
  }
}
