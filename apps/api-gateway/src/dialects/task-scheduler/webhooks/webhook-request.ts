import { CreateWebhookDto } from '@task-engine/dto';
import { WEBHOOK_EVENTS, type WebhookEvent } from '@task-engine/engine';
import { fieldsOf } from '../http/body';
import { invalidFields } from '../http/refusal';

/** A webhook as the body of POST /api/webhooks has it. @throws Refusal */
export function newWebhook(body: Record<string, unknown>): {
  url: string;
  events: WebhookEvent[];
  secret: string | null;
} {
  const { url, events, secret = null } = fieldsOf(CreateWebhookDto, body);
  const known = WEBHOOK_EVENTS.filter((event) => events.includes(event));
  if (known.length < new Set(events).size)
    throw invalidFields({ events: `has unknown ones; there are ${WEBHOOK_EVENTS.join(', ')}` });
  return { url, events: [...new Set(events)] as WebhookEvent[], secret };
}
