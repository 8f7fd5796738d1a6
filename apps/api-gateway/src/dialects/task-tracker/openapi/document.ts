import type { OpenAPIObject } from '@nestjs/swagger';
import { content, operation, type Paths } from './answers';
import { managerPaths } from './manager-paths';
import { projectPaths } from './project-paths';
import { schemas } from './schemas';
import { workerPaths } from './worker-paths';

const DESCRIPTION = `Workers pull tasks over HTTP: they register, take the next task of a project and give it back. Serves clients of task_tracker.

Every answer is an envelope: \`ok\`, and where there is something to say \`message\`, \`rate_limit_delay\` (seconds) and \`content\`. Bodies are JSON
of up to 4 MiB whatever their Content-Type; in them, what is null or missing is 0, "" or false. Integers have 64 bits, and all of them
count. Unknown addresses and wrong methods are answered with 404 and the text \`Not found\`.`;

const root: Paths = {
  '/': {
    get: operation({
      operationId: 'root',
      tags: ['Workers'],
      summary: 'What serves here; on a listener of its own (TASK_TRACKER_PORT) alone',
      security: 'anybody',
      responses: {
        200: content(
          'Name and version.',
          { name: { const: 'task_tracker' }, version: { type: 'string' } },
          { name: 'task_tracker', version: '1.1' },
        ),
      },
    }),
  },
};

/** The dialect's OpenAPI document. @param cookie name of the cookie with a manager's session */
export function taskTrackerDocument(version: string, cookie: string): OpenAPIObject {
  return {
    openapi: '3.1.0',
    info: { title: 'task_tracker API', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    tags: ['Workers', 'Tasks', 'Logs', 'Projects', 'Access', 'Managers'].map((name) => ({ name })),
    paths: { ...root, ...workerPaths, ...projectPaths, ...managerPaths },
    components: {
      schemas,
      securitySchemes: {
        workerId: { type: 'apiKey', in: 'header', name: 'X-Worker-Id' },
        workerSecret: { type: 'apiKey', in: 'header', name: 'X-Secret' },
        session: { type: 'apiKey', in: 'cookie', name: cookie },
      },
    },
  } as OpenAPIObject;
}
