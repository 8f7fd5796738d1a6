import type { Sql } from '../sql';

export interface Subscriber {
  id: string;
  clientId: number;
  url: string;
  events: string[];
}

/** Webhooks that clients have made for events. Secrets leave it towards those alone who sign with them. */
export class WebhookStore {
  constructor(private readonly sql: Sql) {}

  /** Those of these clients (null: of all) that are for one of the events. */
  async subscribers(clientIds: number[] | null, events: string[]): Promise<Subscriber[]> {
    return this.sql.prepared(
      `SELECT id, client_id AS "clientId", url, events FROM webhook
       WHERE ($1::int[] IS NULL OR client_id = ANY($1::int[])) AND events && $2::text[] ORDER BY id`,
      [clientIds, events],
    );
  }
}
