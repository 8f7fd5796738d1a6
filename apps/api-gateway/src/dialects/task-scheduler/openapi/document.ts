import type { OpenAPIObject } from '@nestjs/swagger';
import { schemas } from './schemas';
import { systemPaths } from './system-paths';
import { taskPaths } from './task-paths';
import { webhookPaths } from './webhook-paths';

const DESCRIPTION = `Commands as tasks that wait for each other, run again when they fail, and resume from checkpoints.

Answers are \`{ data, meta? }\` or \`{ error: { code, message, details? } }\`. Bodies are JSON whatever their Content-Type; fields that are not
known are ignored. Times are UTC with whole seconds. \`Accept: application/json; version=1.0\` asks for a version, of which there is one.
A client sees its own tasks and webhooks; what is another client's does not exist for it. An address that there is not answers 404, a
method that it does not have 405.`;

/** The dialect's OpenAPI document. */
export function taskSchedulerDocument(version: string): OpenAPIObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Task Scheduler API',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: ['Tasks', 'Workers', 'System', 'Webhooks'].map((name) => ({ name })),
    paths: { ...taskPaths, ...systemPaths, ...webhookPaths },
    components: {
      schemas,
      securitySchemes: {
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: "`ApiKey <key>`: one of the client's keys.",
        },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            '`sub` is the name of the client; `role` (read, write, admin) what it allows, all when it is missing. HS256 with JWT_SECRET or ' +
            'RS256 with JWT_PUBLIC_KEY.',
        },
      },
    },
  } as OpenAPIObject;
}
