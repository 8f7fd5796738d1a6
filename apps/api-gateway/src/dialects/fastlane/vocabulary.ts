import { FINAL_RUN_STATES, type FinalRunState, type RunState } from '@task-engine/domain';
import type { ContainerHost, FarmStatus, RunEventName } from '@task-engine/engine';

/** The lists that every answer has; `starts` is ours and shown where it is used. */
export const DOCUMENTED_EVENTS = ['fails', 'finishes', 'succeeds'] as const satisfies readonly RunEventName[];

/** Module names that the executors have there. */
export const EXECUTOR = {
  docker: 'fastlane.worker.docker',
  kubernetes: 'fastlane.worker.kubernetes',
  host: 'fastlane.worker.host',
} as const satisfies Record<NonNullable<FarmStatus['executor']>, string>;

/** Words of `status` in the answers about executions, and of `circuit` in those about hosts. */
export const EXECUTION_STATUSES = ['enqueued', 'pulling', 'running', 'done', 'failed', 'timedout', 'expired'];
export const CIRCUITS = ['closed', 'open', 'half-open'] satisfies ContainerHost['circuit'][];

/** What clients of this API compare; not the version of the suite. */
export const FASTLANE_VERSION = '2.2.4';

/** Between the two outputs of a run. */
export const SEPARATOR = '\n-=-\n';

/** Executions in the answer about a job. */
export const EXECUTIONS_PER_PAGE = 20;

export function isFinal(state: RunState): state is FinalRunState {
  return (FINAL_RUN_STATES as readonly RunState[]).includes(state);
}
