import { webhookHeaders } from './webhook-signature';

describe('Standard Webhooks headers', () => {
  it('sign as the reference libraries of the specification do (their published test vector)', () => {
    const headers = webhookHeaders({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      body: '{"test": 2432232314}',
      secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      now: new Date(1_614_265_330_999),
    });
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('carry no signature without a secret', () => {
    expect(Object.keys(webhookHeaders({ id: 'msg_1', body: '{}', secret: null, now: new Date() }))).toEqual([
      'webhook-id',
      'webhook-timestamp',
    ]);
  });
});
