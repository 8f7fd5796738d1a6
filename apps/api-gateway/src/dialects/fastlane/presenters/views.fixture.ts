import type { CommandView, RunView } from '@task-engine/engine';
import { Links } from '../links';

export const links = new Links('http://localhost:10000');
export const TASK = 'test-wrkng';
export const JOB = '5a023792-1445-44e9-8a8b-cfe5ad05d1c6';
export const RUN = '00735b1e-25c3-467d-a106-05701a786957';
export const TASK_URL = 'http://localhost:10000/tasks/test-wrkng/';
export const JOB_URL = `${TASK_URL}jobs/${JOB}/`;
export const CONTAINER = 'cbab7fd2125a30acd91813dd5b91476ab2c8c1e93d84c1b791231097f16fc87c';

/** The run of the document's job. */
export const run = (fields: Partial<RunView> = {}): RunView => ({
  uuid: RUN,
  jobId: '7',
  state: 'succeeded',
  stopRequested: false,
  image: 'task1',
  command: 'ls -lah',
  requestedFrom: '127.0.0.1',
  createdAt: new Date('2019-01-17T15:13:02.754Z'),
  startedAt: new Date('2019-01-17T15:13:10.999Z'),
  finishedAt: new Date('2019-01-17T15:13:16.298Z'),
  exitCode: 0,
  error: null,
  place: { host: 'localhost', port: 1234, containerId: CONTAINER },
  stdout: 'total 72K\n',
  stderr: '',
  omitted: { stdout: 0, stderr: 0 },
  webhookTries: [],
  ...fields,
});

export const noLists = () => ({ starts: [], succeeds: [], fails: [], finishes: [] });

/** The document's job. */
export const command = (
  fields: Partial<CommandView> = {},
  request: Partial<CommandView['request']> = {},
): CommandView => ({
  group: TASK,
  uuid: JOB,
  image: 'task1',
  command: 'ls -lah',
  createdAt: new Date('2019-01-17T15:13:02.614Z'),
  updatedAt: new Date('2019-01-17T15:13:16.298Z'),
  scheduled: false,
  nextAt: null,
  queueId: 'ba17fb94-9d5b-463b-9e1e-0a572c8f8380',
  retryCount: 0,
  requestedFrom: '127.0.0.1',
  request: {
    environment: {},
    extraHosts: [],
    custom: {},
    retries: 0,
    retryPull: false,
    expiration: null,
    timeoutSeconds: 1800,
    memoryBytes: null,
    cpus: null,
    keptRuns: null,
    notify: noLists(),
    webhooks: noLists(),
    cron: null,
    timezone: null,
    ...request,
  },
  runCount: 1,
  ...fields,
});
