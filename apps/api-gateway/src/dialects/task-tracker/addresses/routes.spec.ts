import { ROUTES, treat } from './routes';

const shared = (method: string, url: string) => treat(method, url, false);
const own = (method: string, url: string) => treat(method, url, true);
const UNKNOWN = { kind: 'unknown' };
const serves = (url: string) => ({ kind: 'serve', url });

describe('treat', () => {
  it.each(ROUTES.map(({ method, path }) => [method, path.replace(/:\w+/g, '7')] as const))(
    'serves %s %s on both listeners, by its method alone',
    (method, path) => {
      expect(shared(method, path)).toEqual(serves(path));
      expect(own(method, path)).toEqual(serves(path));
      for (const other of ['PUT', 'DELETE', 'HEAD', 'PATCH']) expect(own(other, path)).toEqual(UNKNOWN);
    },
  );

  it('knows every route of the document and its list of undocumented ones', () => {
    expect(ROUTES).toHaveLength(42);
    expect(new Set(ROUTES.map(({ method, path }) => `${method} ${path}`)).size).toBe(ROUTES.length);
  });

  it('keeps the query', () => {
    expect(shared('GET', '/project/monitoring/1?count=60')).toEqual(serves('/project/monitoring/1?count=60'));
    expect(own('GET', '/project/list?')).toEqual(serves('/project/list?'));
  });

  it('takes doubled slashes for one, also those that a base URL with a slash makes', () => {
    expect(shared('GET', '//project//list')).toEqual(serves('/project/list'));
    expect(own('POST', '//worker/create')).toEqual(serves('/worker/create'));
    expect(own('GET', '/task/get///7')).toEqual(serves('/task/get/7'));
  });

  it('reads ids as they are encoded, and leaves it to controllers what an id is', () => {
    expect(shared('GET', '/task/get/%31')).toEqual(serves('/task/get/1'));
    expect(shared('GET', '/task/get/+1')).toEqual(serves('/task/get/%2B1'));
    expect(shared('GET', '/task/get/a%2Fb')).toEqual(serves('/task/get/a%2Fb'));
    expect(shared('GET', '/task/get/%zz')).toEqual(serves('/task/get/%25zz'));
    expect(shared('GET', '/task/get/%ff%00')).toEqual(serves('/task/get/%25ff%2500'));
    expect(shared('GET', `/task/get/${'0'.repeat(1_001)}`)).toEqual(UNKNOWN);
  });

  it.each([
    ['GET', '/task/submit'],
    ['POST', '/task/get/1'],
    ['GET', '/task/get'],
    ['GET', '/task/get/'],
    ['GET', '/task/get/1/'],
    ['GET', '/task/get/1/2'],
    ['POST', '/project/accept_request/1'],
    ['POST', '/project/accept_request//1'],
    ['GET', '/project/List'],
    ['GET', '/project/list/'],
    ['GET', '/project'],
    ['POST', '/log/debug'],
    ['POST', '/register/'],
    ['POST', '/register/x'],
    ['HEAD', '/project/list'],
    ['GET', '/log'],
  ])('knows no %s %s', (method, url) => {
    expect(shared(method, url)).toEqual(UNKNOWN);
    expect(own(method, url)).toEqual(UNKNOWN);
  });

  it('leaves the addresses of others to them where it shares a listener', () => {
    for (const url of ['/', '//', '/livez', '/jobs', '/logs/1', '/logs/', '/tasks/', '/Task/submit', '/api/x', '*'])
      expect(shared('GET', url)).toBeUndefined();
    expect(shared('GET', '/logs')).toBeUndefined();
    expect(shared('POST', '/logs/1')).toBeUndefined();
    expect(shared('POST', '/logs')).toEqual(serves('/logs'));
  });

  it('has a listener of its own for itself', () => {
    expect(own('GET', '/')).toEqual({ kind: 'root' });
    expect(own('GET', '/?x')).toEqual({ kind: 'root' });
    for (const url of ['/livez', '/jobs', '/logs', '/logs/1', '/tasks/', '/x', '/openapi/task-tracker.json', '*'])
      expect(own('GET', url)).toEqual(UNKNOWN);
    expect(own('POST', '/')).toEqual(UNKNOWN);
  });

  it('answers OPTIONS the same everywhere', () => {
    for (const url of ['/', '/x', '*', '/task/submit', '/logs'])
      expect(own('OPTIONS', url)).toEqual({ kind: 'options' });
    for (const url of ['/task/x', '/logs', '/login']) expect(shared('OPTIONS', url)).toEqual({ kind: 'options' });
    for (const url of ['/', '/jobs', '/logs/1']) expect(shared('OPTIONS', url)).toBeUndefined();
  });
});
