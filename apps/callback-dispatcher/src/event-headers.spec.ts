import { createHmac } from 'node:crypto';
import { eventHeaders } from './event-headers';

const now = new Date(1_614_265_330_999);
const message = { messageId: 'msg_1', body: '{"event":"task.created"}' };
const hmac = (key: Buffer | string, text: string, encoding: 'base64' | 'hex') =>
  createHmac('sha256', key).update(text).digest(encoding);

describe('headers of an event', () => {
  it('sign with the bytes of a text secret, the message and the body alone', () => {
    expect(eventHeaders({ ...message, signingSecret: 'pässword' }, now)).toEqual({
      'content-type': 'application/json',
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1614265330',
      'webhook-signature': `v1,${hmac('pässword', `msg_1.1614265330.${message.body}`, 'base64')}`,
      'x-webhook-id': 'msg_1',
      'x-webhook-signature': `sha256=${hmac('pässword', message.body, 'hex')}`,
    });
  });

  it('sign with the key in a whsec_ secret as the specification says, and the body with the secret as given', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    expect(eventHeaders({ ...message, signingSecret: secret }, now)).toMatchObject({
      'webhook-signature': `v1,${hmac(key, `msg_1.1614265330.${message.body}`, 'base64')}`,
      'x-webhook-signature': `sha256=${hmac(secret, message.body, 'hex')}`,
    });
  });

  it.each(['whsec_not base64!', 'whsec_', 'whsec_abc'])('take %s, which holds no base64, as a text', (secret) => {
    expect(eventHeaders({ ...message, signingSecret: secret }, now)['webhook-signature']).toBe(
      `v1,${hmac(secret, `msg_1.1614265330.${message.body}`, 'base64')}`,
    );
  });

  it('carry no signature without a secret', () => {
    expect(Object.keys(eventHeaders({ ...message, signingSecret: null }, now))).toEqual([
      'content-type',
      'webhook-id',
      'webhook-timestamp',
      'x-webhook-id',
    ]);
  });
});
