import type { JsonObject } from '@task-engine/domain';
import type { ExecutionContext } from './executor';

/** A context of one try for tests of a single executor; rows of the job log end in `rows` as `SEVERITY message`. */
export function testContext(
  workDir: string,
  given: JsonObject,
  more: Partial<ExecutionContext> = {},
): ExecutionContext & { rows: string[] } {
  const rows: string[] = [];
  return {
    jobId: '1',
    taskId: '2',
    executionId: '3',
    cause: 'first',
    token: '4',
    onReported: () => undefined,
    taskName: 'a_task',
    workflow: 'a_workflow',
    client: 'demo-client',
    clientConfiguration: { default_storage: 'local', storage: {} },
    attempt: 1,
    arguments: given,
    workDir,
    signal: new AbortController().signal,
    log: (severity, message) => rows.push(`${severity} ${message}`),
    rows,
    ...more,
  };
}
