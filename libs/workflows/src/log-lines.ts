/** Job log line of worker (once per task) and dispatcher (once per event) for a workflow without client definitions. Severity INFO. */
export const COMMON_DEFINITIONS_LINE = 'No client definitions. Using common definitions.';

/** The same line when the client has definitions of its own for the workflow. */
export const CLIENT_DEFINITIONS_LINE = 'Using client definitions.';

/** The line for a job's definition. */
export function definitionsLine(definition: { source: 'common' | 'client' }): string {
  return definition.source === 'client' ? CLIENT_DEFINITIONS_LINE : COMMON_DEFINITIONS_LINE;
}
