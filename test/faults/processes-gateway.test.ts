import { expectRunOnce } from '../e2e/engine/history';
import { fetchJson } from '../support/fetch-json';
import { eventually } from '../support/eventually';
import { FaultSuite, print } from './support/fault-suite';
import { TcpProxy } from './support/tcp-proxy';

describe('a gateway killed after COMMIT and before its answer', () => {
  let suite: FaultSuite;
  let proxy: TcpProxy;

  beforeAll(async () => {
    suite = await FaultSuite.start();
    proxy = await TcpProxy.inFrontOf(suite.engine.members('api-gateway')[0]!.url);
  });

  afterAll(async () => {
    await proxy?.close();
    await suite?.stop();
  });

  it('makes one job: its client repeats with the same Idempotency-Key through the other gateway and gets the same id', async () => {
    const { engine } = suite;
    const [first, second] = engine.members('api-gateway');
    const submission = (url: string, content_id: string) =>
      fetchJson<{ id?: unknown }>(new URL('/job', url).href, {
        headers: { client: 'demo-client', 'api-key': 'demo-key', 'idempotency-key': `key of ${content_id}` },
        body: { client: 'demo-client', job: { workflow: 'noop' }, parameters: { content_id } },
        timeout: 60_000,
      });
    const stored = (mark: string) =>
      engine.query<{ id: string }>(`SELECT id FROM job WHERE submitted->>'content_id' = $1`, [mark]);
    const ids: string[] = [];
    await suite.endure(
      'gateway killed between COMMIT and answer',
      async () => {
        // the answer gets as far as the network and no further, as if the gateway had died before it
        proxy.swallow(['toClient']);
        const lost = submission(proxy.through(first!.url), 'unanswered').then(
          ({ status }) => `answered ${status}`,
          () => 'no answer',
        );
        const [row] = await eventually(async () => {
          const rows = await stored('unanswered');
          expect(rows).toHaveLength(1);
          return rows;
        });
        await first!.kill();
        proxy.cut();
        expect(await lost).toBe('no answer');
        const repeats = await Promise.all([1, 2, 3].map(() => submission(second!.url, 'unanswered')));
        expect(repeats.map(({ status, body }) => [status, String(body.id)])).toEqual(repeats.map(() => [200, row!.id]));
        expect(await stored('unanswered')).toHaveLength(1);
        ids.push(row!.id);
      },
      { repeats: 25 },
    );
    await engine.reached(ids, 15_000);
    await expectRunOnce(engine, ids);
    print(`one submission without an answer, three repeats: one job, ${ids.join()}`);
  }, 240_000);
});
