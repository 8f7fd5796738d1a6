import { createHmac } from 'node:crypto';

const SECRET_PREFIX = 'whsec_';

/**
 * The headers of the Standard Webhooks specification (standardwebhooks.com, "Webhook Headers" and "Signature scheme"): the id stays the
 * same on every try, the timestamp (whole seconds) is that of the try, and the signature is the base64 of HMAC-SHA256 over
 * `id.timestamp.body`.
 *
 * @param secret `whsec_` and the base64 of the key; null sends no signature
 */
export function webhookHeaders(message: {
  id: string;
  body: string;
  secret: string | null;
  now: Date;
}): Record<string, string> {
  const timestamp = String(Math.floor(message.now.getTime() / 1_000));
  const headers: Record<string, string> = { 'webhook-id': message.id, 'webhook-timestamp': timestamp };
  if (message.secret)
    headers['webhook-signature'] = `v1,${sign(message.secret, `${message.id}.${timestamp}.${message.body}`)}`;
  return headers;
}

function sign(secret: string, text: string): string {
  const key = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  return createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest('base64');
}
