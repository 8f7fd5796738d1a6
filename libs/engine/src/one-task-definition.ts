import type { JsonObject } from '@task-engine/domain';
import { digestOf, type ResolvedDefinition } from '@task-engine/workflows';

/**
 * What a job of one task is to the engine that no workflow file describes: not among the definitions that clients of the Task Engine
 * API can name.
 * @param task its tries are counted by whoever makes such jobs, not as the engine's settings say
 */
export function oneTaskDefinition(
  workflow: string,
  task: { name: string; uses: string; queue: string; with?: JsonObject },
): ResolvedDefinition {
  const definition = {
    workflow,
    version: 1,
    source: 'common',
    tasks: [{ with: {}, ...task, needs: [], retries: { limit: 0 }, timeout: 0, always: false }],
    callbacks: { headers: {}, verifyTls: true, endpoints: [], task: { body: {} }, job: { body: {}, onFailure: {} } },
    timeout: 0,
  } satisfies Omit<ResolvedDefinition, 'digest'>;
  return { ...definition, digest: digestOf(definition) };
}
