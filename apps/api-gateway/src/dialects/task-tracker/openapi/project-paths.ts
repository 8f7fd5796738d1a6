import {
  badRequest,
  body,
  content,
  done,
  either,
  empty,
  inQuery,
  notFound,
  operation,
  pathId,
  type Paths,
  refusal,
  textAnswer,
  unauthorized,
  wrongWorker,
} from './answers';
import { examples } from './examples';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const list = (name: string) => ({ type: 'array', items: ref(name) });
const project = pathId('id', 'project');
const noId = badRequest('The id is none.', 'Invalid project id');

const decide = (verb: 'accept' | 'reject', summary: string): Paths => ({
  [`/project/${verb}_request/{id}/{wid}`]: {
    post: operation({
      operationId: `${verb}_access`,
      tags: ['Access'],
      summary,
      description: 'For managers who may manage access. The body is not read.',
      security: 'manager',
      parameters: [project, pathId('wid', 'worker')],
      responses: {
        200: either(done('Done, or there was nothing to decide.'), ref('Refused'), {
          ok: false,
          message: 'Worker did not have access to this project',
        }),
        400: badRequest('An id is none.', 'Invalid worker id'),
        403: unauthorized('The role is missing.'),
      },
    }),
  },
});

const reset = (verb: string, summary: string): Paths => ({
  [`/project/${verb}/{id}`]: {
    post: operation({
      operationId: verb,
      tags: ['Projects'],
      summary,
      description: 'For managers with the role of maintenance.',
      security: 'manager',
      parameters: [project],
      responses: {
        200: content('Done.', { affected_tasks: { type: 'integer' } }, { affected_tasks: 12 }),
        400: noId,
        403: unauthorized('The role is missing.'),
      },
    }),
  },
});

function secretPath(name: 'secret' | 'webhook_secret', readers: 'workerOrManager' | 'manager', what: string): Paths {
  const example = name === 'secret' ? '{}' : '0b1f5a3c-5bd0-4a5e-9e0c-3f1f0f5f6c11';
  return {
    [`/project/${name}/{id}`]: {
      get: operation({
        operationId: `get_${name}`,
        tags: ['Access'],
        summary: what,
        security: readers,
        parameters: [project],
        responses: {
          200: content('The secret.', { [name]: { type: 'string' } }, { [name]: example }),
          400: noId,
          403: unauthorized('The role is missing, or the access.'),
        },
      }),
      post: operation({
        operationId: `set_${name}`,
        tags: ['Access'],
        summary: `${what}: another`,
        security: 'manager',
        parameters: [project],
        requestBody: body(name === 'secret' ? 'Secret' : 'WebhookSecret', { [name]: example }),
        responses: {
          200: done(),
          400: badRequest('The body cannot be read, or the id is none.'),
          403: unauthorized('The role is missing.'),
          404: notFound('Project'),
        },
      }),
    },
  };
}

const snapshots = content('The newest first.', { snapshots: list('Snapshot') }, { snapshots: [examples.snapshot] });
const hidden = unauthorized('The project is hidden from the caller.');

/** Projects, and who may do what in them. */
export const projectPaths: Paths = {
  '/project/list': {
    get: operation({
      operationId: 'list_projects',
      tags: ['Projects'],
      summary: 'Projects that the caller may see, by name',
      security: 'guestOrManager',
      responses: {
        200: content('The projects.', { projects: list('Project') }, { projects: [examples.project] }),
      },
    }),
  },
  '/project/get/{id}': {
    get: operation({
      operationId: 'get_project',
      tags: ['Projects'],
      summary: 'A project',
      security: 'guestOrManager',
      parameters: [project],
      responses: {
        200: content('The project.', { project: ref('Project') }, { project: examples.project }),
        400: badRequest('The id is none.', 'Invalid worker id'),
        403: hidden,
        404: notFound('Project'),
      },
    }),
  },
  '/project/create': {
    post: operation({
      operationId: 'create_project',
      tags: ['Projects'],
      summary: 'A new project',
      description: 'Its manager gets every role in it. Public ones are made by admins.',
      security: 'manager',
      requestBody: body('NewProject', examples.projectFields),
      responses: {
        200: content('It is made.', { id: { type: 'integer' } }, { id: 1 }),
        400: badRequest(
          'The body cannot be read or is no project, the name is taken, or nobody is logged in who may.',
          'You are not permitted to create a project with this configuration',
        ),
        403: unauthorized('The request comes from a page of another site.'),
      },
    }),
  },
  '/project/update/{id}': {
    post: operation({
      operationId: 'update_project',
      tags: ['Projects'],
      summary: 'Change a project: what is left out becomes empty',
      security: 'manager',
      parameters: [project],
      requestBody: body('ProjectUpdate', examples.projectUpdate),
      responses: {
        200: done(),
        400: badRequest('The body cannot be read or is no project, or the name is taken.', 'Invalid request'),
        403: unauthorized('The role is missing, here or on the project that tasks go on into.'),
        404: notFound('Project'),
      },
    }),
  },
  '/project/request_access': {
    post: operation({
      operationId: 'request_access',
      tags: ['Access'],
      summary: 'Ask for access to a project',
      description: 'A manager decides.',
      security: 'worker',
      requestBody: body('AccessRequest', examples.accessRequest),
      responses: {
        200: done('A manager will decide.'),
        400: refusal(
          'The body cannot be read or asks for nothing, there is no such project, or the worker has asked before.',
          'Project is public, you already have an active request or you already have access to this project',
        ),
        401: wrongWorker(),
      },
    }),
  },
  '/project/access_list/{id}': {
    get: operation({
      operationId: 'list_access',
      tags: ['Access'],
      summary: 'Workers with access to a project, then those that have asked',
      security: 'manager',
      parameters: [project],
      responses: {
        200: content('The workers.', { accesses: list('Access') }, { accesses: [examples.access] }),
        400: badRequest('The id is none.', 'Invalid worker id'),
        403: unauthorized('The role is missing.'),
      },
    }),
  },
  ...decide('accept', 'Give a worker what it has asked for'),
  ...decide('reject', 'Refuse a worker, or take its access away'),
  ...secretPath('secret', 'workerOrManager', 'What the workers of a project are told'),
  ...secretPath('webhook_secret', 'manager', "Key of the push hooks' signatures"),
  '/project/monitoring/{id}': {
    get: operation({
      operationId: 'monitoring',
      tags: ['Projects'],
      summary: 'The last snapshots of a project',
      security: 'guestOrManager',
      parameters: [project, inQuery('count', 'How many.', 999)],
      responses: { 200: snapshots, 400: badRequest('The id or the count is none.', 'Invalid request'), 403: hidden },
    }),
  },
  '/project/monitoring-between/{id}': {
    get: operation({
      operationId: 'monitoring_between',
      tags: ['Projects'],
      summary: 'Snapshots of a project of a span of time',
      security: 'guestOrManager',
      parameters: [
        project,
        inQuery('from', 'Seconds since 1970, inclusive.', 2_147_483_646),
        inQuery('to', 'Seconds since 1970, inclusive.', 2_147_483_646),
      ],
      responses: { 200: snapshots, 400: badRequest('The id or a time is none.', 'Invalid request'), 403: hidden },
    }),
  },
  '/project/assignees/{id}': {
    get: operation({
      operationId: 'assignees',
      tags: ['Projects'],
      summary: 'Up to 16 workers by the tasks that they have, the fewest first',
      security: 'guestOrManager',
      parameters: [project],
      responses: {
        200: content('The workers.', { assignees: list('Assignee') }, { assignees: examples.assignees }),
        400: badRequest('The id is none.', 'Invalid worker id'),
        403: hidden,
      },
    }),
  },
  ...reset('reset_failed_tasks', 'Try the failed tasks again'),
  ...reset('hard_reset', 'Remove all tasks that are not closed'),
  ...reset('reclaim_assigned_tasks', 'Take all tasks from their workers'),
  '/git/receivehook': {
    post: operation({
      operationId: 'receive_hook',
      tags: ['Projects'],
      summary: 'A push to the repository of a project: its version is the new commit',
      description:
        'Signed with the webhook secret: a hex HMAC of the body in the header TASK_TRACKER_WEBHOOK_HEADER, with `sha256=` or whatever before it.',
      security: 'anybody',
      requestBody: body('Push', examples.push),
      responses: {
        200: empty('Done.'),
        400: empty('The body cannot be read, the branch is another, or no project has this repository.'),
        403: textAnswer('The signature is missing or wrong.', 'Signature does not match'),
      },
    }),
  },
};
