import { startSuite, type TestSuite } from '../../support/start-suite';
import { TaskTrackerClient, type WorkerClient } from './task-tracker-client';

const UNREADABLE = { status: 400, body: { ok: false, message: 'Could not parse request' } };
const LINE = { scope: 'Arbitrary log category', message: 'message', timestamp: 1_559_393_394 };
const LEVEL = { error: 3, warn: 4, info: 5, trace: 7 };

describe('logs of workers', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let worker: WorkerClient;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    guest = new TaskTrackerClient(suite.url);
    worker = await guest.worker();
  });
  afterAll(() => suite?.stop());

  const shown = ({ status, body }: { status: number; body: unknown }) => ({ status, body });
  const read = async (body: unknown) => shown(await guest.post('/logs', body));

  it.each(Object.entries(LEVEL))('of level %s are kept, and read by number', async (name, level) => {
    expect(await worker.post(`/log/${name}`, { ...LINE, level: 99, message: `"${name}" <é>` })).toMatchObject({
      status: 204,
      text: '',
    });
    const data = JSON.stringify({ scope: LINE.scope, worker: worker.id });
    expect(await read({ since: LINE.timestamp - 1, level })).toEqual({
      status: 200,
      body: { ok: true, content: { logs: [{ message: `"${name}" <é>`, timestamp: LINE.timestamp, data, level }] } },
    });
    // strictly later
    expect(await read({ since: LINE.timestamp, level })).toEqual({
      status: 200,
      body: { ok: true, content: { logs: null } },
    });
  });

  it('have times of 64 bits, every digit of which comes back', async () => {
    const sent = '{"scope":"s","message":"late","timestamp":9223372036854775807}';
    expect((await worker.post('/log/info', sent)).status).toBe(204);
    const { text } = await guest.post('/logs', '{"since":9223372036854775806,"level":5}');
    expect(text).toContain('"timestamp":9223372036854775807');
  });

  it('are not kept when anything is wrong, the worker included, which is all told the same way', async () => {
    const before = await read({ since: 1, level: 4 });
    for (const body of [
      undefined,
      'nonsense',
      'null',
      '{}',
      { ...LINE, scope: '' },
      { ...LINE, message: '' },
      { ...LINE, timestamp: 0 },
      { ...LINE, timestamp: -1 },
      { ...LINE, timestamp: 1.5 },
      { ...LINE, timestamp: '1' },
      { ...LINE, message: { a: 1 } },
      '{"scope":"s","message":"a\\u0000","timestamp":1}',
      '{"scope":"s","message":"m","timestamp":9223372036854775808}',
    ])
      expect(shown(await worker.post('/log/warn', body))).toEqual(UNREADABLE);
    const strangers: Record<string, string>[] = [
      {},
      { ...worker.headers, 'X-Worker-ID': '99999999999' },
      { ...worker.headers, 'X-Secret': 'None' },
    ];
    for (const headers of strangers)
      expect(shown(await guest.with(headers).post('/log/warn', LINE))).toEqual(UNREADABLE);
    expect(await read({ since: 1, level: 4 })).toEqual(before);
    expect(await worker.post('/log/debug', LINE)).toMatchObject({ status: 404, text: 'Not found' });
  });

  it('are read by everybody who says from when', async () => {
    for (const body of ['nonsense', '', '[]', '{"since":"1"}', '{"since":1,"level":1.5}'])
      expect(await read(body)).toEqual(UNREADABLE);
    for (const body of ['null', '{}', { since: 0, level: 5 }, { since: -1, level: 5 }])
      expect(await read(body)).toEqual({ status: 400, body: { ok: false, message: 'Invalid log request' } });
    for (const body of [
      '{"since":9223372036854775807,"level":5}',
      '{"since":1}',
      '{"since":1,"level":9223372036854775807}',
      '{"since":1,"level":-9223372036854775808}',
    ])
      expect(await read(body)).toEqual({ status: 200, body: { ok: true, content: { logs: null } } });
  });
});
