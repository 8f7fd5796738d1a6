import { addressOf, methodsOf, ROUTES } from './routes';

describe('addressOf', () => {
  it.each([
    ['/api/tasks?status=pending', '/api/tasks?status=pending'],
    ['//api//tasks//', '/api/tasks'],
    ['/api', '/api'],
    ['/api/tasks/', '/api/tasks'],
    ['/api/tasks/task%2D1', '/api/tasks/task-1'],
    ['/api/tasks/a%2Fb', '/api/tasks/a%2Fb'],
    ['/api/%zz', '/api/%25zz'],
    ['http://host/api/tasks', '/api/tasks'],
  ])('serves %s at %s', (url, address) => expect(addressOf(url)).toBe(address));

  it('leaves the addresses of others to them', () => {
    for (const url of ['/', '/apis', '/tasks', '/jobs', '/openapi/task-scheduler.json', '/API/tasks', '*'])
      expect(addressOf(url)).toBeUndefined();
  });
});

describe('methodsOf', () => {
  it('knows those of every route, whatever its ids', () => {
    for (const { method, path } of ROUTES)
      expect(methodsOf(`/api${path.replace(/:\w+/g, 'task-7')}?page=1`)).toContain(method);
    expect(methodsOf('/api/tasks')).toEqual(['GET', 'POST']);
    expect(methodsOf('/api/tasks/task-1')).toEqual(['GET', 'PUT', 'DELETE']);
  });

  it('knows none of an address that there is not', () => {
    for (const url of ['/api', '/api/task', '/api/tasks/1/2', '/api/tasks/1/start', '/api/system', '/api/webhooks/1/x'])
      expect(methodsOf(url)).toEqual([]);
  });
});
