import { closedPort, HostileSuite, Witness } from './hostile-urls.fixture';

/** Every way to say "this machine", "this network", "the machine's own metadata" in a URL. */
const HOSTS = [
  '127.0.0.1',
  'localhost',
  '[::1]',
  '[::]',
  '0.0.0.0',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '127.1',
  '127.255.255.254',
  '[::ffff:127.0.0.1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '①②⑦.⓪.⓪.①',
  '169.254.169.254',
  '10.0.0.1',
  '100.64.0.1',
  '172.16.0.1',
  '192.168.0.1',
  '[fd00::8]',
  '[fe80::1]',
  'inside.test',
  'inside-too.test',
  'changing.test',
];
const NAMES = {
  'inside.test': [['127.0.0.1']],
  'inside-too.test': [['::1', '10.0.0.1']],
  'changing.test': [['::1'], ['127.0.0.1'], ['10.0.0.1']],
};
const REFUSED = 'the address is private or reserved and is not allowed';
/** A request to one of them that waited for anything would take the whole time-out, ten seconds and more. */
const AT_ONCE_MS = 3_000;

describe('hostile outgoing URLs, with OUTBOUND_ALLOW empty', () => {
  let suite: HostileSuite;
  let witness: Witness;
  let open: number;
  let closed: number;

  beforeAll(async () => {
    witness = await Witness.start();
    open = witness.port;
    closed = await closedPort();
    suite = await HostileSuite.start('', NAMES);
    // the witness would see what comes
    await fetch(`http://127.0.0.1:${open}/`);
    await fetch(`http://[::1]:${open}/`);
    expect(witness.connections).toBe(2);
    witness.connections = 0;
  });

  afterAll(async () => {
    await suite?.stop();
    await witness?.close();
  });

  /** After each: whatever was tried, nothing came. */
  afterEach(() => {
    expect({ connections: witness.connections, paths: witness.paths.slice(2) }).toEqual({ connections: 0, paths: [] });
  });

  const urls = (port: number, path = '/x') => HOSTS.map((host) => `http://${host}:${port}${path}`);
  /** What an answer says, without the port that its caller said. */
  const told = (value: unknown) =>
    [open, closed].reduce((text, port) => text.replaceAll(`:${port}/`, ':PORT/'), JSON.stringify(value));

  it('callbacks are blocked at their first try, an open port like a closed one', async () => {
    const [there, gone] = await Promise.all(
      [open, closed].map((port) => suite.api.submit('noop', { rest_endpoints: urls(port) })),
    );
    const toOpen = await suite.deliveries(there!, HOSTS.length);
    const toClosed = await suite.deliveries(gone!, HOSTS.length);
    for (const delivery of [...toOpen, ...toClosed])
      expect(delivery).toMatchObject({ state: 'blocked', attempts: 1, status: null, error: REFUSED });
    const slowest = [toOpen, toClosed].map((all) => Math.max(...all.map(({ milliseconds }) => milliseconds!)));
    process.stdout.write(`  measured: slowest refusal, open and closed port: ${slowest.join(' and ')} ms\n`);
    expect(Math.max(...slowest)).toBeLessThan(AT_ONCE_MS);

    const logs = await Promise.all([there!, gone!].map((id) => suite.log(id, /callback job_completed .* blocked/)));
    const callbacks = logs.map((lines) => lines.filter((line) => line.startsWith('callback')).sort());
    expect(callbacks[0]).toHaveLength(3 * HOSTS.length);
    expect(told(callbacks[0])).toBe(told(callbacks[1]));
    const jobs = await Promise.all([there!, gone!].map((id) => suite.api.job(id)));
    expect(Object.keys(jobs[0])).toEqual(Object.keys(jobs[1]));
    expect(told(jobs[0]!.parameters)).toBe(told(jobs[1]!.parameters));
  });

  it('a callback with credentials in its URL is blocked, and its log shows none of them', async () => {
    const id = await suite.api.submit('noop', { rest_endpoints: [`http://someone:s3cret-word@127.0.0.1:${open}/`] });
    const [delivery] = await suite.deliveries(id, 1);
    expect(delivery).toMatchObject({ state: 'blocked', error: 'a URL with credentials is not allowed' });
    expect((await suite.log(id, /callback job_completed/)).join()).not.toContain('s3cret-word');
  });

  it.each(['localhost.', 'any.localhost'])(
    '%s is not reached, whether the machine knows the name or not',
    async (host) => {
      const id = await suite.api.submit('noop', { rest_endpoints: [`http://${host}:${open}/`] });
      const [delivery] = await suite.deliveries(id, 1);
      expect([REFUSED, 'the host name could not be resolved']).toContain(delivery!.error);
    },
  );

  it('semaphores stay closed, an open port like a closed one', async () => {
    const ids: number[] = [];
    for (const semaphore_url of [...urls(open), ...urls(closed)])
      ids.push(await suite.api.submit('noop', {}, { semaphore_url }));
    const logs = await suite.logs(ids, /does not say yes .*; it is asked again/);
    for (const [index, lines] of logs.entries()) {
      expect(lines).toEqual([expect.stringContaining(`(${REFUSED})`)]);
      expect(told(lines)).toBe(told(logs[(index + HOSTS.length) % ids.length]));
    }
    for (const id of ids) expect(await suite.api.job(id)).toMatchObject({ queue_state: 'scheduled' });
    for (const id of ids) await suite.api.put(`/jobs/${id}`, { queue_state: 'broken' });
  });

  it('a semaphore that a job is given later stays closed too', async () => {
    const id = await suite.api.submit('noop', {}, { run_at: '2037-01-01T00:00:00' });
    const update = { semaphore_url: `http://127.0.0.1:${open}/`, run_at: '2020-01-01T00:00:00' };
    expect((await suite.api.put(`/jobs/${id}`, update)).status).toBe(200);
    expect((await suite.log(id, /does not say yes/)).join()).toContain(REFUSED);
    await suite.api.put(`/jobs/${id}`, { queue_state: 'broken' });
  });

  it('steps that ask an address fail at once and for good, an open port like a closed one', async () => {
    const ids: number[] = [];
    for (const url of [...urls(open), ...urls(closed)]) ids.push(await suite.api.submit('ask', { url }));
    for (const job of await suite.finished(ids)) expect(job.failed).toBe(true);
    const lines = (await suite.logs(ids, new RegExp(REFUSED))).map((all) =>
      all.filter((line) => line.includes(REFUSED)),
    );
    for (const [index, own] of lines.entries()) {
      const other = (index + HOSTS.length) % ids.length;
      expect(own.length).toBeGreaterThan(0);
      expect(told(own)).toBe(told(lines[other]));
    }
    const [tries] = await suite.query<{ n: number; slowest: number }>(
      `SELECT count(*)::int AS n, max(EXTRACT(EPOCH FROM finished_at - started_at) * 1000)::float8 AS slowest
       FROM execution WHERE job_id = ANY($1::bigint[])`,
      [ids],
    );
    expect(tries!.n).toBe(ids.length);
    process.stdout.write(`  measured: slowest refused step: ${Math.round(tries!.slowest)} ms\n`);
  });

  it('sources of pictures and clips are not read, an open port like a closed one', async () => {
    const hosts = ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '169.254.169.254', 'inside.test'];
    const submit = async (host: string, port: number) => {
      const source = `http://${host}:${port}/a.m3u8`;
      const clip = { content_id: 'a', output_folder: 'a' };
      return [
        await suite.api.submit('capture_frame', { ...clip, source, frame_time: 0, image_filename: 'a.png' }),
        await suite.api.submit('vodcapture', { ...clip, clips: [{ source, start: 0, end: 1 }] }),
      ];
    };
    const ids: number[] = [];
    for (const port of [open, closed]) for (const host of hosts) ids.push(...(await submit(host, port)));
    for (const job of await suite.finished(ids)) expect(job.failed).toBe(true);
    const lines = (await suite.logs(ids, new RegExp(`Cannot read .*${REFUSED}`))).map((all) =>
      all.filter((line) => line.includes('Cannot read')),
    );
    for (const [index, own] of lines.entries()) {
      const other = (index + ids.length / 2) % ids.length;
      expect(told(own)).toBe(told(lines[other]));
    }
  });

  it.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1:70/_x',
    'ftp://127.0.0.1/x',
    'javascript:alert(1)',
    'data:text/plain,x',
    '//127.0.0.1/x',
    'http:127.0.0.1',
    'http://127.0.0.1\\@example.com/',
    'http://127.0.0.1:0/',
    'http://',
  ])('%s is refused at submit, as callback, semaphore and source', async (url) => {
    const refused = [
      await suite.api.post('/job', { job: { workflow: 'noop' }, parameters: { rest_endpoints: [url] } }),
      await suite.api.post('/job', { job: { workflow: 'noop', semaphore_url: url }, parameters: {} }),
      await suite.api.post('/job', {
        job: { workflow: 'capture_frame' },
        parameters: { content_id: 'a', source: url, frame_time: 0, output_folder: 'a', image_filename: 'a.png' },
      }),
    ];
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining('must be an http(s) URL') } });
    }
  });

  it.each(['file:///etc/passwd', 'gopher://127.0.0.1:70/_x'])('a step that is to ask %s fails', async (url) => {
    const id = await suite.api.submit('ask', { url });
    expect(await suite.finished([id])).toMatchObject([{ failed: true }]);
    expect(await suite.log(id, /only http and https URLs are allowed/)).toBeDefined();
  });
});
