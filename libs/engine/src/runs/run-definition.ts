import { digestOf, type ResolvedDefinition } from '@task-engine/workflows';

/** Worker queue that runs wait in. */
export const RUN_QUEUE = 'containers';

const definition = {
  workflow: 'command',
  version: 1,
  source: 'common',
  tasks: [
    {
      name: 'run',
      uses: 'container',
      queue: RUN_QUEUE,
      needs: [],
      with: {},
      // A further try is a further run, which has a history of its own.
      retries: { limit: 0 },
      timeout: 0,
      always: false,
    },
  ],
  callbacks: { headers: {}, verifyTls: true, endpoints: [], task: { body: {} }, job: { body: {}, onFailure: {} } },
  timeout: 0,
} satisfies Omit<ResolvedDefinition, 'digest'>;

/** What every run is to the engine: a job of one task. Not among the definitions that clients of the Task Engine API can name. */
export const RUN_DEFINITION: ResolvedDefinition = { ...definition, digest: digestOf(definition) };

export function isRun({ digest }: { digest: string }): boolean {
  return digest === RUN_DEFINITION.digest;
}
