import type { OpenAPIObject } from '@nestjs/swagger';
import { paths } from './paths';
import { schemas } from './schemas';

const DESCRIPTION = `Run commands in containers: at once, later, again and again. Serves clients of fastlane's old and last editions.

Addresses that are read end in a slash; without it they are redirected (308). \`/job/\` works wherever \`/jobs/\` does. Bodies are JSON
whatever their Content-Type. Times are UTC. A name and a password are asked for when the server is configured with them. WebSockets are
described as GET with the answer 101.`;

/** The dialect's OpenAPI document. */
export function fastlaneDocument(version: string): OpenAPIObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'fastlane API',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: ['Tasks', 'Jobs', 'Executions', 'Live logs', 'Farm'].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: { basic: { type: 'http', scheme: 'basic' } },
    },
  } as OpenAPIObject;
}
