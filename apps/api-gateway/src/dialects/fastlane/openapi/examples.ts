/** Examples of the published document, in the form of its last edition. */

const HOST = 'http://localhost:10000';
const TASK = 'test-wrkng';
const JOB = '5a023792-1445-44e9-8a8b-cfe5ad05d1c6';
const EXECUTION = '00735b1e-25c3-467d-a106-05701a786957';

const taskUrl = `${HOST}/tasks/${TASK}/`;
const jobUrl = `${taskUrl}jobs/${JOB}/`;
const executionUrl = `${jobUrl}executions/${EXECUTION}/`;

const execution = {
  executionId: EXECUTION,
  createdAt: '2019-01-17T15:13:02.754000',
  requestIPAddress: '127.0.0.1',
  startedAt: '2019-01-17T15:13:10.999000',
  finishedAt: '2019-01-17T15:13:16.298000',
  image: 'task1:latest',
  command: 'ls -lah',
  metadata: {
    docker_host: 'localhost',
    docker_port: 1234,
    container_id: 'cbab7fd2125a30acd91813dd5b91476ab2c8c1e93d84c1b791231097f16fc87c',
  },
  status: 'done',
  exitCode: 0,
  log: 'total 72K\n',
  error: '',
};

const noLists = { fails: [], finishes: [], succeeds: [] };

const job = {
  image: 'task1:latest',
  command: 'ls -lah',
  createdAt: '2019-01-17T15:13:02.614000',
  lastModifiedAt: '2019-01-17T15:13:16.298000',
  scheduled: false,
  executionCount: 1,
  requestIPAddress: '127.0.0.1',
  metadata: {
    additional_dns_entries: [['database', '10.0.0.12']],
    custom: { username: 'heynemann' },
    enqueued_id: 'ba17fb94-9d5b-463b-9e1e-0a572c8f8380',
    envs: { SMTP_SERVER: 'my-smtp-server', SMTP_PASSWORD: '***' },
    notify: noLists,
    retries: 3,
    retry_count: 0,
    timeout: 1800,
    webhooks: noLists,
  },
};

const enqueue = {
  image: 'task1:latest',
  command: 'ls -lah',
  envs: { SMTP_SERVER: 'my-smtp-server' },
  metadata: { username: 'heynemann' },
  retries: 3,
};

const page = {
  items: [
    {
      taskId: TASK,
      createdAt: '2019-01-17T15:13:02.644000',
      lastModifiedAt: '2019-01-17T15:17:43.561000',
      jobsCount: 2,
      url: taskUrl,
    },
  ],
  total: 1,
  page: 1,
  pages: 1,
  perPage: 10,
  hasNext: false,
  hasPrev: false,
  nextUrl: null,
  prevUrl: null,
};

const summary = { taskId: TASK, jobId: JOB, jobUrl, taskUrl };
const parents = { task: { id: TASK, url: taskUrl }, job: { id: JOB, url: jobUrl } };

export const examples = {
  health: { errors: [], mongo: true, redis: true },
  sick: {
    errors: [{ source: 'redis', message: 'Connection to redis failed (error: ping returned False).' }],
    mongo: true,
    redis: false,
  },
  status: {
    fastlane: { executor: 'fastlane.worker.docker', version: '2.2.4' },
    hosts: [{ host: 'localhost', port: 1234, available: true, blacklisted: false, circuit: 'closed', error: null }],
    containers: { running: [{ host: 'localhost', port: 1234, id: execution.metadata.container_id }] },
    tasks: { count: 3 },
    jobs: {
      count: 29,
      scheduled: [
        {
          ...job,
          scheduled: true,
          metadata: { ...job.metadata, cron: '*/5 * * * *' },
          nextScheduledAt: '2019-01-17T15:15:00',
          url: jobUrl,
          stopUrl: `${jobUrl}stop/`,
          task: parents.task,
        },
      ],
    },
    queues: {
      jobs: { length: 0 },
      monitor: { length: 1 },
      webhooks: { length: 0 },
      notify: { length: 0 },
      scheduled: { length: 1, nextTimeStamp: 1547738100, nextHumanReadableDate: '2019-01-17T15:15:00' },
    },
  },
  routes: [{ endpoint: '/tasks/', methods: 'OPTIONS, HEAD, GET' }],
  tasks: page,
  found: page,
  task: { taskId: TASK, jobs: [{ id: JOB, createdAt: '2019-01-17T15:13:02.614000', url: jobUrl }] },
  enqueue,
  enqueued: { ...summary, queueJobId: 'f1b526fa-acbf-4bb0-bd39-67621dee540a', executionId: EXECUTION, executionUrl },
  job: {
    task: parents.task,
    job: { taskId: TASK, ...job, executions: [{ ...execution, url: executionUrl }] },
  },
  summary,
  execution: { ...parents, execution },
  stoppedExecution: { ...parents, execution: { id: EXECUTION, url: executionUrl } },
  logs: 'total 72K\n\n-=-\nsome error message',
  host: { host: 'docker-1.example.com:2375' },
};
