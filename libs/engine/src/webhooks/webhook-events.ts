import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@task-engine/domain';
import type { Stores } from '@task-engine/database';
import { wholeSeconds } from '@task-engine/dto';
import type { WebhookEvent } from '../graph/views';

/** Something that webhooks may be for. */
export interface Happened {
  event: WebhookEvent;
  /** Whose webhooks hear of it; null: those of all clients. */
  clientId: number | null;
  /** Job that it is about: what happens to one job is told in order. '0' for none. */
  jobId: string;
  /** What the body says beside `event` and `timestamp`. Asked for only when somebody listens. */
  about: () => JsonObject | Promise<JsonObject>;
}

/** What events leave to be sent: a delivery for each webhook that is for them. */
@Injectable()
export class WebhookEvents {
  /** In the transaction that makes it happen. Answers the deliveries' ids for the hint after COMMIT. */
  async deliver(stores: Stores, happened: Happened[]): Promise<{ id: string }[]> {
    if (happened.length === 0) return [];
    const clients = happened.flatMap(({ clientId }) => (clientId === null ? [] : [clientId]));
    const everybody = clients.length < happened.length;
    const subscribers = await stores.webhooks.subscribers(everybody ? null : [...new Set(clients)], [
      ...new Set(happened.map(({ event }) => event)),
    ]);
    const timestamp = wholeSeconds(new Date());
    const told = happened.map(async ({ event, clientId, jobId, about }) => {
      const listening = subscribers.filter(
        (webhook) => webhook.events.includes(event) && (clientId === null || webhook.clientId === clientId),
      );
      if (listening.length === 0) return [];
      const body = JSON.stringify({ event, timestamp, ...(await about()) });
      return listening.map((webhook) => ({
        clientId: webhook.clientId,
        jobId,
        taskId: '0',
        event,
        url: webhook.url,
        body,
        headers: {},
        verifyTls: true,
        kind: 'event' as const,
        webhookId: webhook.id,
      }));
    });
    return stores.deliveries.insert((await Promise.all(told)).flat());
  }
}
