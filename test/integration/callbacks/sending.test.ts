import { createHmac } from 'node:crypto';

import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { CallbackSuite } from './callback-suite';

let suite: CallbackSuite;
let listener: CallbackListener;

beforeEach(async () => {
  suite = await CallbackSuite.start();
  listener = await CallbackListener.start();
});

afterEach(async () => {
  await suite.stop();
  await listener.close();
});

describe('sending a callback', () => {
  it('delivers the exact body with the Standard Webhooks headers, verified independently', async () => {
    const key = Buffer.from('a key of exactly thirty-two byte');
    await suite.signWith(`whsec_${key.toString('base64')}`, {
      Authorization: 'Bearer of-the-client',
      Host: 'elsewhere',
    });
    const body = '{"job_id":"1",  "text":"Grüße ✓"}';
    const [id] = await suite.deliver({
      url: listener.url('/hook?token=secret'),
      body,
      headers: { 'X-Row': 'row', 'webhook-id': 'forged' },
    });
    await suite.startDispatcher();
    const [request] = await listener.received();
    const record = await suite.reached(id!, 'delivered');

    expect(request!.method).toBe('POST');
    expect(request!.body).toBe(body);
    expect(request!.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Bearer of-the-client',
      'x-row': 'row',
      'x-definition': 'yes',
      'webhook-id': record.messageId,
      host: `127.0.0.1:${listener.port}`,
    });
    expect(record.messageId).toMatch(/^msg_[0-9a-f-]{36}$/);
    const timestamp = String(request!.headers['webhook-timestamp']);
    expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(10);
    const expected = createHmac('sha256', key).update(`${record.messageId}.${timestamp}.${body}`).digest('base64');
    expect(request!.headers['webhook-signature']).toBe(`v1,${expected}`);
    expect(record).toMatchObject({ attempts: 1, lastStatus: 200, lastError: null });
  });

  it('sends no signature for a client without a secret', async () => {
    await suite.deliver({ url: listener.url('/') });
    await suite.startDispatcher();
    const [request] = await listener.received();
    expect(request!.headers['webhook-signature']).toBeUndefined();
    expect(request!.headers['webhook-id']).toMatch(/^msg_/);
  });

  it('tries again under the same id after an error, a redirect and a refused connection', async () => {
    listener.answer(
      '/bad',
      { status: 500 },
      { status: 302, headers: { location: listener.url('/elsewhere') } },
      { status: 204 },
    );
    const gone = await CallbackListener.start();
    const url = gone.url('/');
    await gone.close();
    const [id, refused] = await suite.deliver({ url: listener.url('/bad?key=hidden') }, { url });
    await suite.startDispatcher();
    await suite.reached(id!, 'delivered');

    const requests = listener.to('/bad');
    expect(new Set(requests.map((request) => request.headers['webhook-id'])).size).toBe(1);
    expect(listener.to('/elsewhere')).toEqual([]);
    expect((await suite.attempts(id!)).map(({ number, status }) => [number, status])).toEqual([
      [1, 500],
      [2, 302],
      [3, 204],
    ]);
    const gap = requests[1]!.receivedAt.getTime() - requests[0]!.receivedAt.getTime();
    expect(gap).toBeGreaterThan(750);
    expect(gap).toBeLessThan(1_700);
    await eventually(async () => expect((await suite.delivery(refused!)).lastError).toBe('could not connect'));
    const lines = await suite.log(await suite.jobOf(id!));
    const failure = lines.find((line) => line.message.includes('/bad') && line.severity === 2)!;
    expect(failure.message).toBe(
      `callback start to http://127.0.0.1:${listener.port}/bad?key=**** failed (attempt 1 of 12): the endpoint answered 500; next in 1 s`,
    );
    // what definitions were used, and the first failure of each
    expect(lines.filter((line) => line.visible)).toHaveLength(3);
  });

  it('waits as long as Retry-After says, in seconds and as a date, up to the maximum', async () => {
    listener
      .answer('/seconds', { status: 429, headers: { 'retry-after': '3' } }, {})
      .answer('/date', { status: 503, headers: { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() } })
      .answer('/odd', { status: 503, headers: { 'retry-after': '-5' } });
    const [seconds, date, odd] = await suite.deliver(
      { url: listener.url('/seconds') },
      { url: listener.url('/date') },
      { url: listener.url('/odd') },
    );
    await suite.startDispatcher({ CALLBACK_MAX_RETRY_SECONDS: '600' });
    await suite.reached(seconds!, 'delivered');
    const [first, second] = listener.to('/seconds');
    const gap = second!.receivedAt.getTime() - first!.receivedAt.getTime();
    expect(gap).toBeGreaterThan(2_900);
    expect(gap).toBeLessThan(3_800);
    const wait = (await suite.delivery(date!)).nextAt.getTime() - Date.now();
    expect(wait).toBeGreaterThan(590_000);
    expect(wait).toBeLessThanOrEqual(600_000);
    expect((await suite.attempts(odd!)).length).toBeGreaterThan(1);
  });

  it('gives up at 410, at a private address and after the last try, visibly, and can replay each', async () => {
    listener.answer('/gone', { status: 410 }).answer('/down', { status: 500 });
    const [gone, blocked, exhausted] = await suite.deliver(
      { url: listener.url('/gone') },
      { url: `http://10.0.0.1:${listener.port}/private` },
      { url: listener.url('/down') },
    );
    await suite.startDispatcher({ CALLBACK_ATTEMPTS: '2' });
    await suite.reached(gone!, 'gone');
    await suite.reached(blocked!, 'blocked');
    const before = await suite.reached(exhausted!, 'exhausted');
    expect(listener.to('/gone')).toHaveLength(1);
    expect(listener.to('/down')).toHaveLength(2);
    const visible = (await suite.log(before.jobId)).filter((line) => line.visible && line.severity === 3);
    expect(visible.map((line) => line.message)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('gone (attempt 1 of 2)'),
        expect.stringContaining('blocked (attempt 1 of 2)'),
        expect.stringContaining('exhausted (attempt 2 of 2): the endpoint answered 500'),
      ]),
    );
    const { deliveries } = suite.database.stores;
    expect(
      (await deliveries.list({ state: 'exhausted', client: 'demo-client', jobId: before.jobId, limit: 10 })).map(
        ({ id }) => id,
      ),
    ).toEqual([exhausted]);
    listener.answer('/down', { status: 500 }, { status: 200 });
    expect(await deliveries.replay([exhausted!, '999999'])).toEqual([exhausted]);
    const after = await suite.reached(exhausted!, 'delivered');
    expect(after.messageId).toBe(before.messageId);
    expect(after.attempts).toBe(4);
    expect(await suite.attempts(exhausted!)).toHaveLength(4);
    expect(new Set(listener.to('/down').map((request) => request.headers['webhook-id']))).toEqual(
      new Set([before.messageId]),
    );
  });

  it('is due at once after retryNow', async () => {
    listener.answer('/', { status: 500, headers: { 'retry-after': '300' } }, {});
    const [id] = await suite.deliver({ url: listener.url('/') });
    await suite.startDispatcher();
    await eventually(
      async () => (await suite.delivery(id!)).attempts === 1 && (await suite.delivery(id!)).state === 'pending',
    );
    expect(await suite.database.stores.deliveries.retryNow([id!])).toEqual([id]);
    await suite.reached(id!, 'delivered');
  });
});

describe('the job log', () => {
  it('names the definitions once per event, whatever the number of endpoints, tries and dispatchers', async () => {
    listener.answer('/a', { status: 500 }, {});
    const jobId = await suite.job();
    const events = ['start', 'complete'].flatMap((event) =>
      ['/a', '/b', '/c'].map((path) => ({ url: listener.url(path), jobId, taskId: '7', event })),
    );
    const ids = await suite.deliver(...events);
    await Promise.all([suite.startDispatcher(), suite.startDispatcher()]);
    for (const id of ids) await suite.reached(id, 'delivered');
    const lines = (await suite.log(jobId)).filter((line) => line.visible && line.severity === 1);
    expect(lines).toEqual([
      { task_id: '7', severity: 1, visible: true, message: 'No client definitions. Using common definitions.' },
      { task_id: '7', severity: 1, visible: true, message: 'No client definitions. Using common definitions.' },
    ]);
  });
});

describe('order and isolation', () => {
  it('first tries to one endpoint about one job keep their order', async () => {
    const jobs = await Promise.all(Array.from({ length: 8 }, () => suite.job()));
    const seeds = jobs.flatMap((jobId) =>
      Array.from({ length: 12 }, (_, n) => ({
        url: listener.url('/'),
        jobId,
        event: `e${n}`,
        body: JSON.stringify({ jobId, n }),
      })),
    );
    await suite.deliver(...seeds);
    await Promise.all([suite.startDispatcher(), suite.startDispatcher()]);
    await listener.received(seeds.length, undefined, { timeout: 15_000 });
    for (const jobId of jobs) {
      const order = listener.requests
        .map(({ json }) => json as { jobId: string; n: number })
        .filter((body) => body.jobId === jobId);
      expect(order.map((body) => body.n)).toEqual(Array.from({ length: 12 }, (_, n) => n));
    }
  });

  it('an endpoint that hangs delays no other, however much waits for it', async () => {
    const hanging = await CallbackListener.start({ hang: true });
    try {
      await suite.deliver(...Array.from({ length: 2_000 }, (_, n) => ({ url: hanging.url(`/${n}`), event: `e${n}` })));
      await suite.deliver(...Array.from({ length: 20 }, (_, n) => ({ url: hanging.url(`/x${n}`), event: `e${n}` })));
      await suite.startDispatcher({ CALLBACK_TIMEOUT_SECONDS: '60', SHUTDOWN_SECONDS: '2' });
      await hanging.received(8);
      const began = Date.now();
      const jobId = await suite.job();
      await suite.deliver(
        ...Array.from({ length: 200 }, (_, n) => ({ url: listener.url('/'), jobId, event: `e${n}` })),
      );
      await listener.received(200, undefined, { timeout: 10_000 });
      // found by the poll, since nobody gave a hint
      expect(Date.now() - began).toBeLessThan(9_000);
      // and the endpoint had never more at one time than it may
      expect(hanging.requests).toHaveLength(8);
    } finally {
      await suite.stopDispatchers();
      await hanging.close();
    }
  }, 30_000);

  it('an endpoint that hangs is cut after the time-out and tried again', async () => {
    listener.answer('/hang', { hang: true }, {});
    const [id] = await suite.deliver({ url: listener.url('/hang') });
    await suite.startDispatcher({ CALLBACK_TIMEOUT_SECONDS: '2' });
    await suite.reached(id!, 'delivered');
    expect(await suite.attempts(id!)).toEqual([
      { number: 1, status: null, error: 'no complete answer within 2000 ms' },
      { number: 2, status: 200, error: null },
    ]);
  });
});
