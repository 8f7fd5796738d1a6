const SECRET = 'ftZVO4w9Fc7bDuOISRaJL9P92ijkfvNah1Ldgc0a9f8=';

const worker = { id: 1, created: 1559396382, alias: 'some alias', secret: SECRET, paused: false };
const hiddenWorker = { ...worker, secret: null };
const manager = { id: 1, username: 'ann', tracker_admin: true, register_time: 1559396382 };

const projectFields = {
  name: 'My project',
  clone_url: 'http://github.com/test/test',
  git_repo: 'myrepo',
  version: '1.0',
  priority: 999,
  motd: '',
  public: true,
  hidden: false,
  chain: 0,
  assign_rate: 2,
  submit_rate: 2,
};
const project = { id: 1, ...projectFields, paused: false };

const submission = {
  project: 1,
  max_retries: 3,
  recipe: 'test recipe',
  priority: 1,
  max_assign_time: 3600,
  hash64: 0,
  unique_string: '',
  verification_count: 0,
};

/** Of the document, where it has one. */
export const examples = {
  secret: SECRET,
  worker,
  hiddenWorker,
  workerStatistics: { alias: 'some alias', closed_task_count: 12, paused: false, id: 1 },
  manager,
  managerRole: { manager, role: 31 },
  project,
  projectFields,
  projectUpdate: { ...projectFields, paused: true },
  submission,
  bulk: { requests: [submission, { project: 1, recipe: 'another recipe', unique_string: 'http://a.example/' }] },
  release: { task_id: 7, result: 0, verification: -32315129 },
  task: {
    id: 7,
    priority: 1,
    project,
    assignee: 1,
    retries: 0,
    max_retries: 3,
    status: 1,
    recipe: 'test recipe',
    max_assign_time: 3600,
    assign_time: 1559397394,
    verification_count: 1,
  },
  access: { submit: true, assign: true, request: true, worker: hiddenWorker, project: 23 },
  accessRequest: { assign: true, submit: true, project: 23 },
  snapshot: {
    new_task_count: 10,
    failed_task_count: 1,
    closed_task_count: 250,
    worker_access_count: 3,
    awaiting_verification_count: 2,
    time_stamp: 1559397394,
  },
  assignees: [
    { assignee: 'some alias', task_count: 1 },
    { assignee: 'unassigned', task_count: 9 },
  ],
  line: { scope: 'Arbitrary log category', message: 'message', timestamp: 1559393394 },
  logs: [
    { message: 'message', timestamp: 1559393394, data: '{"scope":"Arbitrary log category","worker":1}', level: 5 },
  ],
  credentials: { username: 'ann', password: 'correct horse' },
  push: {
    ref: 'refs/heads/master',
    after: '2ea3ab3cc4fd7d6a1c4bd8ee3ac8ba0d2f1e7b38',
    repository: { full_name: 'test/test' },
  },
};
