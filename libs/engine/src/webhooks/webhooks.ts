import { Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import {
  type ClientRecord,
  Database,
  type Slice,
  type WebhookDeliveryRecord,
  type WebhookRecord,
} from '@task-engine/database';
import type { WebhookDeliveryView, WebhookEvent, WebhookView } from '../graph/views';
import { HintSender } from '../hints';

/** Webhooks of one client: each of its tasks writes a delivery for every one of them. */
const MOST = 100;

/** What clients do with their webhooks. Ids are decimal numbers within bigint; what is another client's looks unknown. */
@Injectable()
export class Webhooks {
  constructor(
    private readonly database: Database,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param given `secret`: `whsec_` and the base64 of a key, or any text; null signs nothing
   * @throws DomainError invalid_parameter when the client has as many as it may
   */
  async create(
    client: ClientRecord,
    given: { url: string; events: WebhookEvent[]; secret: string | null },
  ): Promise<WebhookView> {
    const events = [...new Set(given.events)];
    const webhook = await this.database.transaction(async (stores) => {
      await stores.graphTasks.lockClient(client.id);
      return stores.webhooks.insert({ ...given, events, clientId: client.id }, MOST);
    });
    if (!webhook) throw new DomainError('invalid_parameter', `A client has ${MOST} webhooks at most: delete one first`);
    return view(webhook);
  }

  /** Oldest first. */
  async list(client: ClientRecord, slice: Slice): Promise<{ webhooks: WebhookView[]; total: number }> {
    const { webhooks, total } = await this.database.stores.webhooks.list(client.id, slice);
    return { webhooks: webhooks.map(view), total };
  }

  /** What waits to be sent ends with it. False when there is none. */
  async remove(client: ClientRecord, id: string): Promise<boolean> {
    return this.database.stores.webhooks.remove(client.id, id);
  }

  /** Newest first. Undefined when there is no such webhook. */
  async deliveries(
    client: ClientRecord,
    id: string,
    slice: Slice,
  ): Promise<{ deliveries: WebhookDeliveryView[]; total: number } | undefined> {
    const found = await this.database.stores.webhooks.deliveries(client.id, id, slice);
    return found && { deliveries: found.deliveries.map(deliveryView), total: found.total };
  }

  /** Sends a finished delivery again, under the same message id. `under_way`: it is not finished. */
  async replay(client: ClientRecord, id: string, deliveryId: string): Promise<'replayed' | 'not_found' | 'under_way'> {
    const { deliveries, webhooks } = this.database.stores;
    const state = await webhooks.deliveryState(client.id, id, deliveryId);
    if (state === undefined) return 'not_found';
    const [replayed] = await deliveries.replay([deliveryId]);
    if (replayed === undefined) return 'under_way';
    await this.hints.send({ deliveries: [{ id: replayed }] });
    return 'replayed';
  }
}

function view({ id, url, events, createdAt }: WebhookRecord): WebhookView {
  return { id, url, events: events as WebhookEvent[], createdAt };
}

function deliveryView(record: WebhookDeliveryRecord): WebhookDeliveryView {
  const { id, messageId, event, state, attempts, nextAt, lastStatus, lastError, createdAt, finishedAt } = record;
  return {
    id,
    messageId,
    event: event as WebhookEvent,
    state,
    attempts,
    nextAttemptAt: state === 'pending' ? nextAt : null,
    lastStatus,
    lastError,
    createdAt,
    finishedAt,
  };
}
