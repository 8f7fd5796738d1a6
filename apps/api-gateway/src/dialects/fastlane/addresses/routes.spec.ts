import { ROUTES, treat, treatSocket } from './routes';

const shared = { own: false, debug: false };
const own = { own: true, debug: false };
const JOB = '5a023792-1445-44e9-8a8b-cfe5ad05d1c6';

const get = (url: string, listener = shared) => treat('GET', url, listener);
const served = (url: string, target: object) => ({ kind: 'serve', url, target });

describe('treat', () => {
  it.each([
    ['GET', '/healthcheck', '/healthcheck', {}],
    ['GET', '/status/', '/status', {}],
    ['GET', '/tasks/?page=2', '/tasks?page=2', {}],
    ['GET', '/search/?query=a%20b&page=1', '/search?query=a%20b&page=1', {}],
    ['GET', '/tasks/t1/', '/tasks/-', { task: 't1' }],
    ['POST', '/tasks/t1/', '/tasks/-', { task: 't1' }],
    ['POST', '/tasks/t1', '/tasks/-', { task: 't1' }],
    ['PUT', `/tasks/t1/jobs/${JOB}/`, '/tasks/-/jobs/-', { task: 't1', job: JOB }],
    ['PUT', `/tasks/t1/jobs/${JOB}`, '/tasks/-/jobs/-', { task: 't1', job: JOB }],
    ['GET', `/tasks/t1/jobs/${JOB}/`, '/tasks/-/jobs/-', { task: 't1', job: JOB }],
    ['POST', `/tasks/t1/jobs/${JOB}/stop/`, '/tasks/-/jobs/-/stop', { task: 't1', job: JOB }],
    ['POST', `/tasks/t1/jobs/${JOB}/stop`, '/tasks/-/jobs/-/stop', { task: 't1', job: JOB }],
    ['POST', `/tasks/t1/jobs/${JOB}/retry/`, '/tasks/-/jobs/-/retry', { task: 't1', job: JOB }],
    ['GET', `/tasks/t1/jobs/${JOB}/stdout/`, '/tasks/-/jobs/-/stdout', { task: 't1', job: JOB }],
    ['GET', `/tasks/t1/jobs/${JOB}/stderr/`, '/tasks/-/jobs/-/stderr', { task: 't1', job: JOB }],
    ['GET', `/tasks/t1/jobs/${JOB}/logs/`, '/tasks/-/jobs/-/logs', { task: 't1', job: JOB }],
    ['GET', `/tasks/t1/jobs/${JOB}/stream/`, '/tasks/-/jobs/-/stream', { task: 't1', job: JOB }],
    [
      'GET',
      `/tasks/t1/jobs/${JOB}/executions/e/`,
      '/tasks/-/jobs/-/executions/-',
      { task: 't1', job: JOB, execution: 'e' },
    ],
    [
      'GET',
      `/tasks/t1/jobs/${JOB}/executions/e/logs/`,
      '/tasks/-/jobs/-/executions/-/logs',
      { task: 't1', job: JOB, execution: 'e' },
    ],
    [
      'POST',
      `/tasks/t1/jobs/${JOB}/executions/e/stop`,
      '/tasks/-/jobs/-/executions/-/stop',
      { task: 't1', job: JOB, execution: 'e' },
    ],
    ['POST', '/docker-executor/blacklist', '/docker-executor/blacklist', {}],
    ['PUT', '/docker-executor/blacklist', '/docker-executor/blacklist', {}],
    ['DELETE', '/docker-executor/blacklist', '/docker-executor/blacklist', {}],
  ])('serves %s %s', (method, url, at, target) => {
    expect(treat(method, url, shared)).toEqual(served(at, target));
    expect(treat(method, url, own)).toEqual(served(at, target));
  });

  it('takes /job/ for /jobs/ everywhere', () => {
    for (const { path, methods } of ROUTES.filter((route) => route.path.includes('/jobs/'))) {
      const url = `${path.replaceAll(':', '').replace('/jobs/', '/job/')}/`;
      for (const method of methods)
        expect(treat(method, url, shared)).toMatchObject(served(path.replace(/:\w+/g, '-'), { task: 'task' }));
    }
  });

  it('leaves a task alone that is called job', () => {
    expect(get('/tasks/job/')).toEqual(served('/tasks/-', { task: 'job' }));
    expect(get('/tasks/job/job/x/')).toMatchObject({ target: { task: 'job', job: 'x' } });
  });

  it('follows GET for HEAD', () => {
    expect(treat('HEAD', '/tasks/', shared)).toEqual(served('/tasks', {}));
  });

  it.each([
    ['/tasks', '/tasks/'],
    ['/tasks?page=2', '/tasks/?page=2'],
    ['/status', '/status/'],
    ['/search?query=a', '/search/?query=a'],
    ['/tasks/a%20b', '/tasks/a%20b/'],
    [`/tasks/t/job/${JOB}`, `/tasks/t/job/${JOB}/`],
    [`/tasks/t/jobs/${JOB}/executions/e/logs`, `/tasks/t/jobs/${JOB}/executions/e/logs/`],
  ])('redirects GET %s to %s', (url, to) => {
    expect(get(url)).toEqual({ kind: 'redirect', to });
    expect(treat('HEAD', url, shared)).toEqual({ kind: 'redirect', to });
  });

  it.each([
    ['POST', '/tasks/', ['GET', 'HEAD', 'OPTIONS']],
    ['POST', '/tasks', ['GET', 'HEAD', 'OPTIONS']],
    ['DELETE', '/tasks/t/', ['GET', 'HEAD', 'OPTIONS', 'POST']],
    ['PATCH', '/tasks/t/jobs/j', ['GET', 'HEAD', 'OPTIONS', 'PUT']],
    ['GET', '/tasks/t/jobs/j/stop/', ['OPTIONS', 'POST']],
    ['PROPFIND', '/status/', ['GET', 'HEAD', 'OPTIONS']],
    ['GET', '/docker-executor/blacklist', ['DELETE', 'OPTIONS', 'POST', 'PUT']],
  ])('refuses %s %s and names the methods', (method, url, allow) => {
    expect(treat(method, url, shared)).toEqual({ kind: 'wrong-method', allow });
  });

  it.each([
    '/healthcheck/',
    '/docker-executor/blacklist/',
    '/docker-executor/',
    '/status/x/',
    '/tasks//',
    '/tasks/t/jobs/',
    '/tasks/t/jobs//stop/',
    '/tasks/t/jobs/j/ws/',
    '/tasks/t/jobs/j/executions/',
    '/tasks/t/jobs/j/nothing/',
    '/tasks/a%2Fb/',
    '/tasks/a%2fb/jobs/j/',
    '/tasks/a%00b/',
    '/tasks/a%/',
    '/tasks/%FF/',
    '/tasks/%ED%A0%80/',
    '/routes/',
    '/%74asks/a/b/',
  ])('knows nothing at %s', (url) => {
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE'])
      expect(treat(method, url, shared)).toEqual({ kind: 'unknown' });
  });

  it.each(['/', '/jobs', '/job/1', '/health', '/livez', '/openapi/fastlane.json', '/taskss/', '/task/', '/-', '*'])(
    'leaves %s to others on a shared listener, and owns it on its own',
    (url) => {
      expect(get(url)).toBeUndefined();
      expect(get(url, own)).toEqual(url === '/' ? served('/healthcheck', {}) : { kind: 'unknown' });
    },
  );

  it('serves /routes/ while it is debugged only', () => {
    expect(treat('GET', '/routes/', { own: false, debug: true })).toEqual(served('/routes', {}));
  });

  it('answers OPTIONS with the methods', () => {
    expect(treat('OPTIONS', '/tasks/t', shared)).toEqual({
      kind: 'options',
      allow: ['GET', 'HEAD', 'OPTIONS', 'POST'],
    });
    expect(treat('OPTIONS', '/', own)).toEqual({ kind: 'options', allow: ['GET', 'HEAD', 'OPTIONS'] });
  });

  it.each([
    ['/tasks/a%20b.c-%C3%A9%F0%9F%98%80/', 'a b.c-é😀'],
    ['/tasks/a+b/', 'a+b'],
    ['/tasks/%252F/', '%2F'],
    ['/tasks/./', '.'],
    ['/tasks/<script>/', '<script>'],
    [`/tasks/${'x'.repeat(9000)}/`, 'x'.repeat(9000)],
    ['/%74asks/t/', 't'],
    ['http://evil.example/tasks/t/', 't'],
  ])('decodes the names of tasks: %s', (url, task) => {
    expect(get(url)).toEqual(served('/tasks/-', { task }));
  });
});

describe('treatSocket', () => {
  it.each([
    [`/tasks/t/jobs/${JOB}/ws/`, { task: 't', job: JOB }],
    [`/tasks/t/job/${JOB}/ws`, { task: 't', job: JOB }],
    ['/tasks/a%20b/jobs/j/executions/e/ws/?x=1', { task: 'a b', job: 'j', execution: 'e' }],
  ])('follows at %s', (url, target) => {
    expect(treatSocket(url, shared)).toEqual({ kind: 'follow', target });
  });

  it.each(['/tasks/', '/tasks/t/ws/', '/tasks/a%2Fb/jobs/j/ws/', '/status/', '/tasks/t/jobs/j/stream/'])(
    'knows nothing at %s',
    (url) => expect(treatSocket(url, shared)).toEqual({ kind: 'unknown' }),
  );

  it.each(['/', '/jobs', '/anything'])('leaves %s to others on a shared listener only', (url) => {
    expect(treatSocket(url, shared)).toBeUndefined();
    expect(treatSocket(url, own)).toEqual({ kind: 'unknown' });
  });
});
