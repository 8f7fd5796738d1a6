import type { OpenAPIObject } from '@nestjs/swagger';
import type { Definitions } from '@task-engine/workflows';
import { paths } from './paths';
import { schemas } from './schemas';
import { workflowSchemas } from './workflow-schemas';

const DESCRIPTION = `Submit jobs, watch them, change them. Serves the published editions of 2020 and 2023 together.

Name yourself with the headers \`client\` and \`api-key\` (\`x-api-key\` and \`x-auth-key\` work too); \`client\` may stand in the body instead.
Numbers may come as strings. Ids are numbers in the bodies of reads and strings in results.`;

/** The dialect's OpenAPI document, with the parameters of each workflow that is loaded. */
export function taskEngineDocument(version: string, definitions: Definitions): OpenAPIObject {
  const workflows = Object.fromEntries(
    definitions.list().flatMap((name) => Object.entries(workflowSchemas(name, definitions.schema(name)))),
  );
  return {
    // 3.1: its schemas are JSON Schema 2020-12, which the workflows' are written in
    openapi: '3.1.0',
    info: { title: 'Task Engine API', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    tags: ['Status', 'Jobs', 'Logs', 'Scheduler', 'Settings'].map((name) => ({ name })),
    paths,
    components: {
      schemas: { ...schemas, ...workflows },
      securitySchemes: {
        client: { type: 'apiKey', in: 'header', name: 'client', description: 'Client name.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'api-key', description: 'One of the client’s keys.' },
      },
    },
  } as OpenAPIObject;
}
