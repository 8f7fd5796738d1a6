import { createHmac } from 'node:crypto';
import type { ClaimedDelivery } from '@task-engine/database';
import { webhookHeaders } from './webhook-signature';

/**
 * Headers of an event to a client's webhook: those of the Standard Webhooks specification, and beside them the plainer ones that many
 * receivers know: the same id, and the HMAC of the body alone, with the secret as it was given.
 */
export function eventHeaders(
  { messageId: id, body, signingSecret: secret }: EventMessage,
  now: Date,
): Record<string, string> {
  return {
    'content-type': 'application/json',
    ...webhookHeaders({ id, body, secret, now, plainSecret: true }),
    'x-webhook-id': id,
    ...(secret && {
      'x-webhook-signature': `sha256=${createHmac('sha256', secret).update(body, 'utf8').digest('hex')}`,
    }),
  };
}

type EventMessage = Pick<ClaimedDelivery, 'messageId' | 'body' | 'signingSecret'>;
