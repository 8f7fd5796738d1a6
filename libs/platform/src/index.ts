export { type AppName, type AppOptions, runApp, type RunningApp, startApp } from './bootstrap/run-app';
export { CONFIGURATION, PlatformModule } from './bootstrap/platform.module';
export { Readiness, type ReadinessIndicator } from './bootstrap/readiness';
export { Shutdown } from './bootstrap/shutdown';
export { type ControllerConfiguration, controllerSchema } from './configuration/controller.schema';
export { describeConfiguration, type VariableDescription } from './configuration/describe-configuration';
export { type DispatcherConfiguration, dispatcherSchema } from './configuration/dispatcher.schema';
export type { Farm } from './configuration/farms';
export { type GatewayConfiguration, gatewaySchema } from './configuration/gateway.schema';
export {
  ConfigurationError,
  type ConfigurationFault,
  configurationOrExit,
  type Environment,
  loadConfiguration,
} from './configuration/load-configuration';
export {
  type LocalRunConfiguration,
  localRunSchema,
  type ToolConfiguration,
  toolSchema,
} from './configuration/local-run.schema';
export { type SchedulerConfiguration, schedulerSchema } from './configuration/scheduler.schema';
export type {
  ClientsConfiguration,
  DatabaseConfiguration,
  LeaseConfiguration,
  OpsConfiguration,
  OutboundConfiguration,
  RedisConfiguration,
} from './configuration/variables';
export { CLIENT_NAME } from './configuration/variables';
export { type WorkerConfiguration, workerSchema } from './configuration/worker.schema';
export { createLog, Log, type LogOptions } from './logging/log';
export { addLogContext, type LogContext, logContext, withLogContext } from './logging/log-context';
export { NestLogger } from './logging/nest-logger';
export { isSecretKey, maskSecret, maskText, redact } from './logging/secrets';
export { MachineLoad, type MachineUse } from './machine-load';
export { Metrics } from './metrics/metrics';
export { checkOutboundUrl } from './outbound/address-rules';
export {
  type DownloadOptions,
  OutboundHttp,
  type OutboundOptions,
  type OutboundReply,
  type OutboundRequest,
} from './outbound/outbound-http';
export {
  OutboundAborted,
  OutboundBlocked,
  OutboundError,
  type OutboundErrorKind,
  OutboundFailed,
  OutboundTimeout,
} from './outbound/outbound.errors';
export { suiteVersion } from './version';
