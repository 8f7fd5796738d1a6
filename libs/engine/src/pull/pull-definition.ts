import { PULL_QUEUE } from '@task-engine/database';
import { oneTaskDefinition } from '../one-task-definition';

/** What every pull task is to the engine. */
export const PULL_DEFINITION = oneTaskDefinition('pull', { name: 'pull', uses: 'pull', queue: PULL_QUEUE });
