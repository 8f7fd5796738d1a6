import { oneTaskDefinition } from '../one-task-definition';

/** Worker queue that runs wait in. */
export const RUN_QUEUE = 'containers';

/** What every run is to the engine. A further try is a further run, which has a history of its own. */
export const RUN_DEFINITION = oneTaskDefinition('command', { name: 'run', uses: 'container', queue: RUN_QUEUE });

export function isRun({ digest }: { digest: string }): boolean {
  return digest === RUN_DEFINITION.digest;
}
