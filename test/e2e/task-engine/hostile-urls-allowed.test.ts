import { HostileSuite, Witness } from './hostile-urls.fixture';

const ALLOWED = '127.0.0.2';
const NAMES = {
  // what the first look-up permits the next one forbids
  'rebind.test': [[ALLOWED], ['127.0.0.1']],
  'both.test': [['127.0.0.1', ALLOWED]],
  'inside.test': [['127.0.0.1']],
};
const REFUSED = 'the address is private or reserved and is not allowed';

describe('hostile outgoing URLs, with OUTBOUND_ALLOW for one address', () => {
  let suite: HostileSuite;
  /** On the allowed address. */
  let allowed: Witness;
  /** Same port, on an address beside it. */
  let forbidden: Witness;
  let port: number;
  const paths = (prefix: string) => allowed.paths.filter((path) => path.startsWith(prefix));

  beforeAll(async () => {
    allowed = await Witness.start(ALLOWED, 0, (request, response) => {
      const path = request.url ?? '';
      const target = `http://127.0.0.1:${port}/redirected`;
      if (path.startsWith('/redirect')) response.writeHead(302, { location: target }).end();
      else if (path.startsWith('/refresh')) response.writeHead(200, { refresh: `0;url=${target}` }).end('{}');
      else if (path.endsWith('.m3u8')) response.end(playlist(target));
      else response.end('{"value":1}');
    });
    port = allowed.port;
    forbidden = await Witness.start('127.0.0.1', port);
    suite = await HostileSuite.start(ALLOWED, NAMES);
  });

  afterAll(async () => {
    await suite?.stop();
    await allowed?.close();
    await forbidden?.close();
  });

  afterEach(() => expect([forbidden.connections, forbidden.paths]).toEqual([0, []]));

  const url = (host: string, path: string) => `http://${host}:${port}${path}`;

  it('callbacks, semaphores and steps reach that address and none beside it', async () => {
    const rest_endpoints = [ALLOWED, '127.0.0.1', '127.0.0.3', '[::1]', 'localhost', 'inside.test'].map((host) =>
      url(host, '/callback'),
    );
    const semaphore_url = url(ALLOWED, '/semaphore');
    const id = await suite.api.submit('ask', { url: url(ALLOWED, '/step'), rest_endpoints }, { semaphore_url });
    expect(await suite.finished([id])).toMatchObject([{ failed: false }]);
    const [first, ...others] = await suite.deliveries(id, rest_endpoints.length);
    expect(first).toMatchObject({ state: 'delivered', status: 200 });
    for (const other of others) expect(other).toMatchObject({ state: 'blocked', error: REFUSED, attempts: 1 });
    expect(paths('/callback')).toHaveLength(3);
    expect([paths('/semaphore').length, paths('/step').length]).toEqual([1, 1]);
  });

  it('of a name with several addresses only the allowed one is used', async () => {
    const id = await suite.api.submit('noop', { rest_endpoints: [url('both.test', '/both')] });
    expect(await suite.deliveries(id, 1)).toMatchObject([{ state: 'delivered' }]);
    expect(paths('/both')).toHaveLength(3);
  });

  it('a name that changes between look-ups gains nothing: each connection goes to the very answer that was judged', async () => {
    const ids: number[] = [];
    for (let n = 0; n < 6; n += 1)
      ids.push(await suite.api.submit('noop', { rest_endpoints: [url('rebind.test', `/rebind-${n}`)] }));
    for (const id of ids) await suite.deliveries(id, 1);
    const rows = await suite.query<{ state: string; n: number }>(
      `SELECT state, count(*)::int AS n FROM delivery WHERE job_id = ANY($1::bigint[]) GROUP BY state ORDER BY state`,
      [ids],
    );
    const answers = suite.lookups('rebind.test');
    const judgedGood = answers.filter((answer) => answer === ALLOWED).length;
    // one look-up for each of the 18 requests: none was judged by an earlier answer
    expect(answers).toHaveLength(3 * ids.length);
    expect(judgedGood).toBe(answers.length / 2);
    expect(rows).toEqual([
      { state: 'blocked', n: answers.length - judgedGood },
      { state: 'delivered', n: judgedGood },
    ]);
    expect(paths('/rebind')).toHaveLength(judgedGood);
  });

  it('a redirect is never followed: the callback is tried again, a semaphore takes it for yes, a step fails', async () => {
    const semaphore_url = url(ALLOWED, '/redirect-semaphore');
    const rest_endpoints = [url(ALLOWED, '/redirect-callback'), url(ALLOWED, '/refresh-callback')];
    const id = await suite.api.submit('noop', { rest_endpoints }, { semaphore_url });
    expect(await suite.finished([id])).toMatchObject([{ failed: false }]);
    await suite.log(id, /callback start .*: the endpoint answered 302: redirects are not followed/);
    await suite.log(id, /callback job_completed to .*\/refresh-callback delivered/);
    const asked = await suite.api.submit('ask', { url: url(ALLOWED, '/redirect-step') });
    expect(await suite.finished([asked])).toMatchObject([{ failed: true }]);
    await suite.log(asked, /\/redirect-step: 302/);
    expect([paths('/redirect-semaphore').length, paths('/redirect-step').length]).toEqual([1, 1]);
  });

  it('a playlist from the allowed address cannot name segments, keys or further playlists on another one', async () => {
    const source = url(ALLOWED, '/stream.m3u8');
    const clip = { content_id: 'a', output_folder: 'a' };
    const ids = [
      await suite.api.submit('capture_frame', { ...clip, source, frame_time: 1, image_filename: 'a.png' }),
      await suite.api.submit('vodcapture', { ...clip, clips: [{ source, start: 0, end: 5 }] }),
    ];
    for (const id of ids) {
      expect(await suite.finished([id])).toMatchObject([{ failed: true }]);
      await suite.log(id, new RegExp(`Cannot read http://127.0.0.1:${port}/redirected\\S*: ${REFUSED}`));
    }
    expect(paths('/stream.m3u8').length).toBeGreaterThan(0);
  });
});

function playlist(target: string): string {
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-TARGETDURATION:6',
    '#EXT-X-MEDIA-SEQUENCE:0',
    ...Array.from({ length: 4 }, (_, n) => `#EXTINF:6,\n${target}-${n}.ts`),
    '#EXT-X-ENDLIST',
    '',
  ].join('\n');
}
