import { rowId, wholeSeconds } from '@task-engine/dto';
import type { WebhookDeliveryView, WebhookView } from '@task-engine/engine';

/** A secret is shown to nobody, not even whether there is one. */
export function presentWebhook({ id, url, events, createdAt }: WebhookView) {
  return { id: rowId('webhook', id), url, events, created_at: wholeSeconds(createdAt) };
}

export function presentDelivery(delivery: WebhookDeliveryView) {
  const { nextAttemptAt, finishedAt } = delivery;
  return {
    id: rowId('delivery', delivery.id),
    message_id: delivery.messageId,
    event: delivery.event,
    status: delivery.state,
    attempts: delivery.attempts,
    next_attempt_at: nextAttemptAt && wholeSeconds(nextAttemptAt),
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    created_at: wholeSeconds(delivery.createdAt),
    finished_at: finishedAt && wholeSeconds(finishedAt),
  };
}
