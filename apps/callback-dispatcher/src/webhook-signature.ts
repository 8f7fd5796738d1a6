import { createHmac } from 'node:crypto';

const SECRET_PREFIX = 'whsec_';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The headers of the Standard Webhooks specification (standardwebhooks.com, "Webhook Headers" and "Signature scheme"): the id stays the
 * same on every try, the timestamp (whole seconds) is that of the try, and the signature is the base64 of HMAC-SHA256 over
 * `id.timestamp.body`.
 *
 * `secret` is `whsec_` and the base64 of the key, null sends no signature. With `plainSecret` any other text is a key as it stands.
 */
export function webhookHeaders(message: {
  id: string;
  body: string;
  secret: string | null;
  now: Date;
  plainSecret?: boolean;
}): Record<string, string> {
  const timestamp = String(Math.floor(message.now.getTime() / 1_000));
  const headers: Record<string, string> = { 'webhook-id': message.id, 'webhook-timestamp': timestamp };
  if (message.secret) {
    const key = keyOf(message.secret, message.plainSecret ?? false);
    const text = `${message.id}.${timestamp}.${message.body}`;
    headers['webhook-signature'] = `v1,${createHmac('sha256', key).update(text, 'utf8').digest('base64')}`;
  }
  return headers;
}

function keyOf(secret: string, plain: boolean): Buffer {
  const coded = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  if (plain && !(secret.startsWith(SECRET_PREFIX) && BASE64.test(coded))) return Buffer.from(secret, 'utf8');
  return Buffer.from(coded, 'base64');
}
