import {
  badQuery,
  body,
  bodyRefusals,
  inPath,
  invalid,
  notFound,
  one,
  operation,
  paging,
  type Paths,
  refused,
  some,
} from './answers';
import { examples } from './examples';

const id = inPath('id', 'webhook');
const pageMeta = { schema: 'PageMeta', example: examples.page };

const payload = {
  event: {
    '{$request.body#/url}': {
      post: {
        summary: 'Something that happened',
        description:
          'With the headers webhook-id, webhook-timestamp, webhook-signature (Standard Webhooks) and X-Webhook-Id; with a secret also ' +
          'X-Webhook-Signature: sha256=<HMAC of the body, hex>. What is not answered with 2xx is sent again.',
        requestBody: body('WebhookPayload', examples.webhookPayload),
        responses: { 200: { description: 'Received.' } },
      },
    },
  },
};

export const webhookPaths: Paths = {
  '/api/webhooks': {
    get: operation({
      operationId: 'list_webhooks',
      tags: ['Webhooks'],
      summary: "The client's webhooks",
      parameters: paging,
      responses: { 200: some('A page of webhooks.', 'Webhook', [examples.webhook], pageMeta), 400: badQuery },
    }),
    post: operation({
      operationId: 'create_webhook',
      tags: ['Webhooks'],
      summary: "Be told of what happens to the client's tasks, and of workers",
      requestBody: body('NewWebhook', examples.newWebhook),
      callbacks: payload,
      responses: {
        201: one('The webhook.', 'Webhook', examples.webhook),
        ...bodyRefusals,
        422: invalid(
          'events',
          'must be a list of at least one event',
          'Fields are wrong, or the client has 100 webhooks already. Nothing was written.',
        ),
      },
    }),
  },
  '/api/webhooks/{id}': {
    delete: operation({
      operationId: 'delete_webhook',
      tags: ['Webhooks'],
      summary: 'Be told no more',
      parameters: [id],
      responses: { 200: one('It is gone.', 'Deleted', examples.webhookDeleted), 404: notFound('Webhook') },
    }),
  },
  '/api/webhooks/{id}/deliveries': {
    get: operation({
      operationId: 'list_deliveries',
      tags: ['Webhooks'],
      summary: 'What was sent, newest first',
      parameters: [id, ...paging],
      responses: {
        200: some('A page of deliveries.', 'Delivery', [examples.delivery], pageMeta),
        400: badQuery,
        404: notFound('Webhook'),
      },
    }),
  },
  '/api/webhooks/{id}/deliveries/{delivery}/replay': {
    post: operation({
      operationId: 'replay_delivery',
      tags: ['Webhooks'],
      summary: 'Send a finished delivery again: the same body, the same id',
      parameters: [id, inPath('delivery', 'delivery')],
      responses: {
        202: one('It is sent soon.', 'ReplayedDelivery', examples.replayed),
        404: notFound('Delivery'),
        409: refused('It is not finished.', 'conflict', 'The delivery is under way still: it is sent again by itself'),
      },
    }),
  },
};
