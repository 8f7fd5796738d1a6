import {
  badRequest,
  body,
  content,
  done,
  either,
  empty,
  operation,
  pathId,
  type Paths,
  refusal,
  unauthorized,
} from './answers';
import { examples } from './examples';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const manager = ref('Manager');
const foreign = unauthorized('The request comes from a page of another site.');

const setAdmin = (verb: 'promote' | 'demote', summary: string): Paths => ({
  [`/manager/${verb}/{id}`]: {
    get: operation({
      operationId: verb,
      tags: ['Managers'],
      summary,
      description: 'For admins, and about others.',
      security: 'manager',
      parameters: [pathId('id', 'manager')],
      responses: {
        204: empty('Done, also when there is no such manager.'),
        400: badRequest('The id is none.', 'Invalid manager id'),
        401: unauthorized(verb === 'promote' ? 'No other admin is logged in.' : 'Nobody is logged in.'),
        403:
          verb === 'promote' ? foreign : unauthorized('No other admin is logged in, or a page of another site asks.'),
      },
    }),
  },
});

const cookie = { 'Set-Cookie': { description: 'The session.', schema: { type: 'string' as const } } };

/** Managers, and their sessions. */
export const managerPaths: Paths = {
  '/register': {
    post: operation({
      operationId: 'register',
      tags: ['Managers'],
      summary: 'A new manager, who is logged in then; the first one is an admin',
      security: 'anybody',
      requestBody: body('Credentials', examples.credentials),
      responses: {
        200: { ...done(), headers: cookie },
        400: badRequest(
          'The body cannot be read, or the name or the password will not do.',
          'Invalid register request',
        ),
        403: foreign,
      },
    }),
  },
  '/login': {
    post: operation({
      operationId: 'login',
      tags: ['Managers'],
      summary: 'Log in',
      security: 'anybody',
      requestBody: body('Credentials', examples.credentials),
      responses: {
        200: { ...content('Who is logged in.', { manager }, { manager: examples.manager }), headers: cookie },
        400: badRequest('The body cannot be read.'),
        403: refusal('The name or the password is wrong.', 'Invalid username/password'),
      },
    }),
  },
  '/logout': {
    get: operation({
      operationId: 'logout',
      tags: ['Managers'],
      summary: 'Log out',
      security: 'guestOrManager',
      responses: { 204: empty('Nobody is logged in any more.'), 403: foreign },
    }),
  },
  '/account': {
    get: operation({
      operationId: 'account',
      tags: ['Managers'],
      summary: 'Who is logged in',
      security: 'guestOrManager',
      responses: {
        200: either(
          content(
            'Who is logged in, or that nobody is.',
            { logged_in: { const: true }, manager },
            { logged_in: true, manager: examples.manager },
          ),
          ref('Refused'),
          { ok: false, content: { logged_in: false } },
        ),
      },
    }),
  },
  '/manager/list': {
    get: operation({
      operationId: 'list_managers',
      tags: ['Managers'],
      summary: 'All managers',
      security: 'manager',
      responses: {
        200: content(
          'The managers.',
          { managers: { type: 'array', items: manager } },
          { managers: [examples.manager] },
        ),
        401: unauthorized('Nobody is logged in.'),
      },
    }),
  },
  '/manager/list_for_project/{id}': {
    get: operation({
      operationId: 'list_managers_of_project',
      tags: ['Managers'],
      summary: 'Managers with a role in a project',
      security: 'manager',
      parameters: [pathId('id', 'project')],
      responses: {
        200: content(
          'The managers.',
          { managers: { type: 'array', items: ref('ManagerRole') } },
          { managers: [examples.managerRole] },
        ),
        400: badRequest('The id is none.', 'Invalid project id'),
        401: unauthorized('Nobody is logged in.'),
      },
    }),
  },
  ...setAdmin('promote', 'Make a manager an admin'),
  ...setAdmin('demote', 'Make an admin a manager like others'),
  '/manager/set_role_for_project/{id}': {
    post: operation({
      operationId: 'set_role',
      tags: ['Managers'],
      summary: 'What a manager may do in a project',
      description: 'For managers who may manage access.',
      security: 'manager',
      parameters: [pathId('id', 'project')],
      requestBody: body('NewRole', { manager: 2, role: 7 }),
      responses: {
        200: done(),
        400: badRequest('The body cannot be read, or there is no such manager, project or role.'),
        403: unauthorized('The role is missing.'),
      },
    }),
  },
};
