import { digestOf, type ResolvedDefinition } from '@task-engine/workflows';
import { PULL_QUEUE } from '@task-engine/database';

const definition = {
  workflow: 'pull',
  version: 1,
  source: 'common',
  tasks: [
    {
      name: 'pull',
      uses: 'pull',
      queue: PULL_QUEUE,
      needs: [],
      with: {},
      // Tries are counted as its project wants them, not as the engine's settings say.
      retries: { limit: 0 },
      timeout: 0,
      always: false,
    },
  ],
  callbacks: { headers: {}, verifyTls: true, endpoints: [], task: { body: {} }, job: { body: {}, onFailure: {} } },
  timeout: 0,
} satisfies Omit<ResolvedDefinition, 'digest'>;

/** What every pull task is to the engine: a job of one task. Not among the definitions that clients of the Task Engine API can name. */
export const PULL_DEFINITION: ResolvedDefinition = { ...definition, digest: digestOf(definition) };
