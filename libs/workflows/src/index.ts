export { digestOf } from './canonical-json';
export {
  callbackEndpoints,
  callbackHeaders,
  jobCallback,
  taskCallback,
  type CallbackSubject,
  type TaskEvent,
} from './callbacks';
export {
  ClientConfigurations,
  STORAGE_KINDS,
  type ClientConfiguration,
  type LocalStorage,
  type StorageKind,
} from './client-configuration';
export type { Definition } from './definition';
export { builtInDefinitions, Definitions } from './definitions';
export { parseHttpUrl, parsePriority } from './formats';
export { BUILTIN_HANDLERS, PULL_STEP_QUEUE, UNBUILT_WORKFLOWS } from './handlers';
export { CLIENT_DEFINITIONS_LINE, COMMON_DEFINITIONS_LINE, definitionsLine } from './log-lines';
export { parseInstant, parseMediaTime, type MediaTime } from './media-time';
export { planTasks, renderArguments, type Plan, type TaskSnapshot } from './plan-tasks';
export { DEFAULT_PRIORITY, prepareSubmission, type PreparedSubmission, type Submission } from './prepare-submission';
export type { CallbackPlan, ResolvedDefinition, TaskPlan } from './resolved-definition';
export type { JobContext } from './scope';
