import type { FarmStatus } from '@task-engine/engine';
import { presentHealth } from './health.presenter';
import { presentRoutes } from './routes.presenter';
import { presentStatus } from './status.presenter';
import { command, CONTAINER, JOB_URL, links, TASK, TASK_URL } from './views.fixture';

describe('farm presenters', () => {
  const farm: FarmStatus = {
    executor: 'docker',
    hosts: [
      { host: 'b', port: 2, available: false, blacklisted: true, circuit: 'open', error: 'server is blacklisted' },
      { host: 'localhost', port: 1234, available: true, blacklisted: false, circuit: 'closed', error: null },
    ],
    running: [{ host: 'localhost', port: 1234, containerId: CONTAINER }],
    groups: 3,
    commands: 29,
    scheduled: [command({ scheduled: true, nextAt: new Date('2019-01-17T15:15:00Z') }, { cron: '*/5 * * * *' })],
    waitingRuns: 1,
    runningRuns: 2,
    waitingWebhooks: 3,
    waitingMails: 4,
    delayed: 5,
    nextDelayedAt: new Date('2019-01-17T15:15:00.250Z'),
  };

  it('shows the farm, the hosts that serve first', () => {
    const status = presentStatus(farm, links, []);
    expect(status).toMatchObject({
      containers: { running: [{ host: 'localhost', port: 1234, id: CONTAINER }] },
      fastlane: { executor: 'fastlane.worker.docker', version: '2.2.4' },
      hosts: [
        { host: 'localhost', port: 1234, available: true, blacklisted: false, circuit: 'closed', error: null },
        { host: 'b', port: 2, available: false, blacklisted: true, circuit: 'open', error: 'server is blacklisted' },
      ],
      queues: {
        jobs: { length: 1 },
        monitor: { length: 2 },
        webhooks: { length: 3 },
        notify: { length: 4 },
        scheduled: {
          length: 5,
          nextTimeStamp: 1_547_738_100.25,
          nextHumanReadableDate: '2019-01-17T15:15:00.250000',
        },
      },
      tasks: { count: 3 },
    });
    expect(Object.keys(status).sort()).toEqual(['containers', 'fastlane', 'hosts', 'jobs', 'queues', 'tasks']);
  });

  it('shows a scheduled job with the address at which it is stopped, and no id', () => {
    const [job] = presentStatus(farm, links, []).jobs.scheduled;
    expect(job).toMatchObject({
      scheduled: true,
      nextScheduledAt: '2019-01-17T15:15:00',
      url: JOB_URL,
      stopUrl: `${JOB_URL}stop/`,
      task: { id: TASK, url: TASK_URL },
    });
    for (const key of ['id', 'jobId', 'taskId', 'executions']) expect(job).not.toHaveProperty(key);
  });

  it('has nothing to say of an empty farm', () => {
    const empty = { ...farm, executor: null, scheduled: [], nextDelayedAt: null, delayed: 0 };
    expect(presentStatus(empty, links, [])).toMatchObject({
      fastlane: { executor: 'fastlane.worker.none' },
      queues: { scheduled: { length: 0, nextTimeStamp: null, nextHumanReadableDate: null } },
    });
  });

  it('tells which server is ill', () => {
    expect(presentHealth({ mongo: undefined, redis: undefined })).toEqual({ errors: [], mongo: true, redis: true });
    expect(presentHealth({ mongo: 'gone', redis: 'ping returned False' })).toEqual({
      errors: [
        { source: 'redis', message: 'Connection to redis failed (error: ping returned False).' },
        { source: 'mongo', message: 'gone' },
      ],
      mongo: false,
      redis: false,
    });
  });

  it('lists the routes by address', () => {
    const routes = presentRoutes();
    expect(routes.map(({ endpoint }) => endpoint)).toEqual(routes.map(({ endpoint }) => endpoint).sort());
    expect(routes).toContainEqual({ endpoint: '/tasks/<task_id>/', methods: 'OPTIONS, HEAD, GET, POST' });
    expect(routes).toContainEqual({ endpoint: '/healthcheck', methods: 'OPTIONS, HEAD, GET' });
  });
});
