import { createHmac } from 'node:crypto';
import { HintSender, type WebhookEvent, WebhookEvents, Webhooks } from '@task-engine/engine';
import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { CallbackSuite } from '../callbacks/callback-suite';

let suite: CallbackSuite;
let listener: CallbackListener;
let webhooks: Webhooks;
let hints: HintSender;
let client: { id: number; name: string };
let other: { id: number; name: string };

beforeEach(async () => {
  suite = await CallbackSuite.start();
  listener = await CallbackListener.start();
  await startDispatcher();
  client = (await suite.database.stores.clients.find('demo-client'))!;
  other = await suite.database.stores.clients.ensure('other-client');
});

afterEach(async () => {
  // ends what hangs
  await listener.close();
  await suite.stop();
});

async function startDispatcher(variables: Record<string, string> = {}): Promise<void> {
  await suite.stopDispatchers();
  hints = (await suite.startDispatcher(variables)).app.get(HintSender);
  webhooks = new Webhooks(suite.database, hints);
}

const SECRET = 'a secret: pässword';

function subscribe(path: string, events: WebhookEvent[] = ['task.created'], secret: string | null = SECRET) {
  return webhooks.create(client, { url: listener.url(path), events, secret });
}

/** As a transition tells of it. @param clientId null: something that is for all */
async function happens(event: WebhookEvent, clientId: number | null = client.id, jobId = '0'): Promise<void> {
  const deliveries = await suite.database.transaction((stores) =>
    new WebhookEvents().deliver(stores, [{ event, clientId, jobId, about: () => ({ task: { name: 'Grüße' } }) }]),
  );
  await hints.send({ deliveries });
}

/** The deliveries of a webhook, newest first. */
async function deliveries(id: string) {
  return (await webhooks.deliveries(client, id, { offset: 0, limit: 100 }))!.deliveries;
}

async function reached(id: string, state: string, timeout = 10_000) {
  return eventually(
    async () => {
      const [newest] = await deliveries(id);
      expect(newest).toMatchObject({ state });
      return newest!;
    },
    { timeout },
  );
}

const hmac = (text: string, encoding: 'base64' | 'hex') => createHmac('sha256', SECRET).update(text).digest(encoding);

describe('a webhook', () => {
  it('gets what fails twice a third time: same body and id, each try signed', async () => {
    listener.answer('/hook', { status: 500 }, { status: 302 }, { status: 204 });
    const { id } = await subscribe('/hook');
    await happens('task.created');
    const requests = await listener.received(3);
    const record = await reached(id, 'delivered');

    expect(new Set(requests.map(({ body }) => body)).size).toBe(1);
    expect(requests[0]!.json).toEqual({
      event: 'task.created',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      task: { name: 'Grüße' },
    });
    for (const { method, body, headers } of requests) {
      expect(method).toBe('POST');
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'webhook-id': record.messageId,
        'x-webhook-id': record.messageId,
        'x-webhook-signature': `sha256=${hmac(body, 'hex')}`,
      });
      const signed = `${record.messageId}.${String(headers['webhook-timestamp'])}.${body}`;
      expect(headers['webhook-signature']).toBe(`v1,${hmac(signed, 'base64')}`);
      // what a workflow's definition or the client's settings add to callbacks is not for it
      expect(headers['x-definition']).toBeUndefined();
    }
    expect(record).toMatchObject({ attempts: 3, lastStatus: 204, lastError: null, nextAttemptAt: null });
    expect(await suite.query(`SELECT FROM job_log`)).toEqual([]);
  });

  it('shows when the next try is, and why the last one failed', async () => {
    await startDispatcher({ CALLBACK_FIRST_RETRY_SECONDS: '5' });
    listener.answer('/hook', { status: 503 });
    const { id } = await subscribe('/hook');
    await happens('task.created');
    const waiting = await eventually(async () => {
      const [newest] = await deliveries(id);
      expect(newest).toMatchObject({ state: 'pending', attempts: 1, lastStatus: 503, finishedAt: null });
      return newest!;
    });
    const wait = waiting.nextAttemptAt!.getTime() - Date.now();
    expect(wait).toBeGreaterThan(2_000);
    expect(wait).toBeLessThanOrEqual(5_000);
  });

  it('is not signed without a secret', async () => {
    await subscribe('/plain', ['task.created'], null);
    await happens('task.created');
    const [request] = await listener.received();
    expect(request!.headers['x-webhook-id']).toMatch(/^msg_/);
    expect(request!.headers['webhook-signature']).toBeUndefined();
    expect(request!.headers['x-webhook-signature']).toBeUndefined();
  });

  it('hears of its own events of its own client alone, and of what is for all', async () => {
    await subscribe('/mine', ['task.created', 'worker.offline']);
    await webhooks.create(other, {
      url: listener.url('/theirs'),
      events: ['task.created', 'worker.offline'],
      secret: null,
    });
    await happens('task.created');
    await happens('task.failed');
    await happens('task.created', other.id);
    await happens('worker.offline', null);
    await listener.received(4);
    const events = (path: string) => listener.to(path).map(({ json }) => (json as { event: string }).event);
    await eventually(() => expect(events('/mine').sort()).toEqual(['task.created', 'worker.offline']));
    expect(events('/theirs').sort()).toEqual(['task.created', 'worker.offline']);
  });

  it('gets what is of no job although an earlier one hangs', async () => {
    listener.answer('/slow', { hang: true }, { status: 200 });
    const { id } = await subscribe('/slow', ['worker.registered', 'worker.offline']);
    await happens('worker.registered', null);
    await listener.received(1);
    await happens('worker.offline', null);
    await listener.received(2);
    expect(await reached(id, 'delivered')).toMatchObject({ event: 'worker.offline' });
  });

  it('whose endpoint is gone is sent nothing more of that, and one that may not be reached nothing at all', async () => {
    listener.answer('/gone', { status: 410 });
    const gone = await subscribe('/gone');
    const local = await webhooks.create(client, {
      url: 'http://169.254.169.254/latest',
      events: ['task.created'],
      secret: null,
    });
    await happens('task.created');
    expect(await reached(gone.id, 'gone')).toMatchObject({ attempts: 1, lastStatus: 410 });
    expect(await reached(local.id, 'blocked')).toMatchObject({ attempts: 1, lastStatus: null });
  });

  it('that is removed takes what waits for it along; what was being sent is not sent again', async () => {
    listener.answer('/hook', { status: 500, delay: 500 });
    const { id } = await subscribe('/hook');
    const kept = await subscribe('/kept');
    await happens('task.created');
    await listener.received(2);
    expect(await webhooks.remove(other, id)).toBe(false);
    expect(await webhooks.remove(client, id)).toBe(true);
    expect(await webhooks.remove(client, id)).toBe(false);
    await eventually(async () => {
      const rows = await suite.query<{ state: string; error: string }>(
        `SELECT state, last_error AS error FROM delivery WHERE webhook_id = $1`,
        [id],
      );
      expect(rows).toEqual([{ state: 'gone', error: 'the webhook was removed' }]);
    });
    expect(listener.to('/hook')).toHaveLength(1);
    expect(await webhooks.deliveries(client, id, { offset: 0, limit: 10 })).toBeUndefined();
    expect((await webhooks.list(client, { offset: 0, limit: 10 })).webhooks.map((each) => each.id)).toEqual([kept.id]);
    await happens('task.created');
    await eventually(() => expect(listener.to('/kept')).toHaveLength(2));
    expect(listener.to('/hook')).toHaveLength(1);
  });

  it('that has told of a hundred thousand things is removed at once, and they are shown to nobody', async () => {
    const { id } = await subscribe('/much');
    await suite.query(
      `INSERT INTO delivery (message_id, client_id, job_id, task_id, event, url, origin, body, headers, verify_tls, announces, kind, webhook_id,
                             state, finished_at)
       SELECT 'msg_' || n, $2, 0, 0, 'task.created', 'http://x/', 'http://x', '{}', '{}', true, false, 'event', $1, 'delivered', now()
       FROM generate_series(1, 100000) AS n`,
      [id, client.id],
    );
    const began = performance.now();
    expect(await webhooks.remove(client, id)).toBe(true);
    expect(performance.now() - began).toBeLessThan(200);
    expect(await webhooks.deliveries(client, id, { offset: 0, limit: 10 })).toBeUndefined();
  });

  it('can have a finished delivery sent again under the same id, one that is under way not, another client none', async () => {
    listener.answer('/hook', { status: 410 }, { status: 200, delay: 300 });
    const { id } = await subscribe('/hook');
    await happens('task.created');
    const first = await reached(id, 'gone');
    expect(await webhooks.replay(other, id, first.id)).toBe('not_found');
    expect(await webhooks.replay(client, id, '999999')).toBe('not_found');
    const { id: second } = await subscribe('/second');
    expect(await webhooks.replay(client, second, first.id)).toBe('not_found');
    expect(await webhooks.replay(client, id, first.id)).toBe('replayed');
    expect(await webhooks.replay(client, id, first.id)).toBe('under_way');
    expect(await reached(id, 'delivered')).toMatchObject({ messageId: first.messageId, attempts: 2 });
    const [one, two] = listener.to('/hook');
    expect(two!.body).toBe(one!.body);
    expect(two!.headers['webhook-id']).toBe(one!.headers['webhook-id']);
  });

  it('is listed page by page, without its secret, for its client alone', async () => {
    const made = [];
    for (const path of ['/a', '/b', '/c']) made.push(await subscribe(path, ['task.failed', 'task.failed']));
    expect(await webhooks.list(client, { offset: 1, limit: 1 })).toEqual({ webhooks: [made[1]], total: 3 });
    expect(made[1]!.events).toEqual(['task.failed']);
    expect(JSON.stringify(made)).not.toContain(SECRET);
    expect(await webhooks.list(client, { offset: 5, limit: 5 })).toEqual({ webhooks: [], total: 3 });
    expect(await webhooks.list(other, { offset: 0, limit: 5 })).toEqual({ webhooks: [], total: 0 });
    expect(await webhooks.deliveries(other, made[0]!.id, { offset: 0, limit: 5 })).toBeUndefined();
  });
});
