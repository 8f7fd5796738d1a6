import type { OpenAPIObject } from '@nestjs/swagger';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;
type Schema = Schemas[string];

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const int64: Schema = { type: 'integer', format: 'int64' };
const int16: Schema = { type: 'integer', minimum: -32_768, maximum: 32_767 };
const count: Schema = { type: 'integer', format: 'int64', minimum: 0 };
const seconds: Schema = { ...int64, description: 'Seconds since 1970.' };
const number: Schema = { type: 'number' };
const rate: Schema = { ...number, description: 'Tasks per second; 0: no limit.' };
const shownRate: Schema = { ...number, description: 'Tasks per second; 1.7976931348623157e+308: no limit.' };

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** An object of an answer: every property is there, but for those that are named. */
function shape(properties: Schemas, optional: string[] = []): Schema {
  return { type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties };
}

/** An object of a request. What is missing or null is 0, "" or false; keys may be written in any case, others do not count. */
function request(properties: Schemas, required: string[] = []): Schema {
  return { type: 'object', required, properties };
}

const projectFields: Schemas = {
  name: { ...text, minLength: 1, description: 'Of one project only.' },
  clone_url: text,
  git_repo: { ...text, description: 'Full name of the repository whose pushes set `version`.' },
  version: text,
  priority: {
    ...int64,
    minimum: 0,
    description: 'For the workers that choose among projects; the server gives nothing on it.',
  },
  motd: text,
  public: { ...flag, description: 'Every worker may have tasks of it.' },
  hidden: { ...flag, description: 'Seen only by managers who may; not together with `public`.' },
  chain: { ...int64, description: 'Project into which its closed tasks go on; 0: none.' },
};

/** Shapes of bodies and answers, each under the name by which the paths refer to it. */
export const schemas: Schemas = {
  Accepted: shape({ ok: { const: true } as Schema, message: text, content: { type: 'object' } }, [
    'message',
    'content',
  ]),
  Refused: shape(
    { ok: { const: false } as Schema, message: text, rate_limit_delay: number, content: { type: 'object' } },
    ['message', 'rate_limit_delay', 'content'],
  ),
  Worker: shape(
    {
      id: count,
      created: seconds,
      alias: text,
      secret: { oneOf: [text, { type: 'null' }], description: 'Base64; null for those who may not know it.' },
      paused: flag,
    },
    ['alias'],
  ),
  WorkerStatistics: shape({ alias: text, closed_task_count: count, paused: flag, id: count }),
  Alias: request({ alias: text }),
  Pause: request({ worker: int64, paused: flag }),
  Submission: request(
    {
      project: int64,
      recipe: { ...text, minLength: 1 },
      max_retries: { ...int16, minimum: 0, description: 'A task that fails this often, or once, is tried no further.' },
      priority: { ...int16, description: 'Larger ones are given first.' },
      max_assign_time: { ...int64, description: 'Seconds; 0: until the next reclaim.' },
      hash64: {
        ...int64,
        description: 'No two open or failed tasks of a project have the same; 0: it is not looked at.',
      },
      hash_u64: { ...int64, description: 'The same as `hash64`.' },
      unique_string: { ...text, description: 'Its SipHash is the hash. Not together with one.' },
      unique_str: { ...text, description: 'The same as `unique_string`.' },
      verification_count: { ...int16, description: 'Workers that have to come to the same; 0 means 1.' },
    },
    ['project', 'recipe'],
  ),
  Bulk: request({ requests: { type: 'array', items: ref('Submission'), minItems: 1 } }, ['requests']),
  Release: request(
    {
      task_id: int64,
      result: { ...int64, description: '0: done; 1: failed; 2: as if nobody had had it.' },
      verification: { ...int64, description: 'Hash of what the worker came to.' },
    },
    ['task_id'],
  ),
  Task: shape({
    id: count,
    priority: int16,
    project: ref('Project'),
    assignee: count,
    retries: count,
    max_retries: int16,
    status: { type: 'integer', enum: [1, 2], description: '1: open, also while a worker has it; 2: failed.' },
    recipe: text,
    max_assign_time: int64,
    assign_time: seconds,
    verification_count: int16,
  }),
  Project: shape({ id: count, ...projectFields, paused: flag, assign_rate: shownRate, submit_rate: shownRate }),
  NewProject: request({ ...projectFields, assign_rate: rate, submit_rate: rate }, ['name']),
  ProjectUpdate: request({ ...projectFields, assign_rate: rate, submit_rate: rate, paused: flag }, ['name']),
  AccessRequest: request({ project: int64, assign: flag, submit: flag }, ['project']),
  Access: shape({
    submit: flag,
    assign: flag,
    request: { ...flag, description: 'It waits for a manager.' },
    worker: ref('Worker'),
    project: count,
  }),
  Secret: request({ secret: text }),
  WebhookSecret: request({ webhook_secret: text }),
  Snapshot: shape({
    new_task_count: count,
    failed_task_count: count,
    closed_task_count: count,
    worker_access_count: count,
    awaiting_verification_count: count,
    time_stamp: seconds,
  }),
  Assignee: shape({ assignee: { ...text, description: 'Alias, or `unassigned`.' }, task_count: count }),
  LogLine: request(
    { scope: { ...text, minLength: 1 }, message: { ...text, minLength: 1 }, timestamp: { ...seconds, minimum: 1 } },
    ['scope', 'message', 'timestamp'],
  ),
  LogQuestion: request(
    {
      since: { ...seconds, minimum: 1, description: 'Lines of a later time than this.' },
      level: { ...int64, description: '3: error; 4: warn; 5: info; 7: trace. Lines of this level alone.' },
    },
    ['since'],
  ),
  LogEntry: shape({ message: text, timestamp: seconds, data: { ...text, description: 'JSON.' }, level: count }),
  Credentials: request(
    {
      username: { ...text, description: '3 to 16 bytes.' },
      password: { ...text, description: 'At least 8 bytes.' },
    },
    ['username', 'password'],
  ),
  Manager: shape({ id: count, username: text, tracker_admin: flag, register_time: seconds }),
  ManagerRole: shape({
    manager: ref('Manager'),
    role: { type: 'integer', description: 'Bits: read 1, edit 2, manage access 4, secret 8, maintenance 16.' },
  }),
  NewRole: request({ manager: int64, role: { ...int64, description: 'Bits as in the list; 0: none.' } }),
  Push: request({
    ref: { ...text, description: 'Has to end in `master`.' },
    after: text,
    repository: request({ full_name: text }),
  }),
};
