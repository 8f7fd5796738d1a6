export * from './notifications';
export * from './work';
export { EnqueueDto, MAX_ARGUMENT_BYTES, MAX_RETRIES } from './fastlane/enqueue.dto';
export { isHostAndPort } from './fastlane/host-and-port';
export { isImageName } from './fastlane/image-name';
export { readJobUuid } from './fastlane/job-uuid';
export { MIN_MEMORY_BYTES, readMemorySize } from './fastlane/memory-size';
export { readStartIn, readUnixSeconds } from './fastlane/start-time';
export { ChangeSettingDto } from './task-engine/change-setting.dto';
export { readFlag } from './task-engine/flag';
export {
  DEFAULT_LIMIT,
  isJobId,
  JobListQuery,
  MAX_LIMIT,
  ORDER_FIELDS,
  readJobIds,
} from './task-engine/job-list.query';
export { namesOf, readDto, requireObject } from './task-engine/read-dto';
export { SubmitJobDto, SubmittedJobDto } from './task-engine/submit-job.dto';
export { SwitchScheduleDto } from './task-engine/switch-schedule.dto';
export { dayOrInstant, type TimeSpan } from './task-engine/time-range';
export { REQUESTED_STATES, UpdateJobDto } from './task-engine/update-job.dto';
export { errorOf, executionDetails, type ShownRun, statusOf } from './fastlane/execution-details';
export { naiveUtc } from './fastlane/naive-utc';
export { readFields } from './task-scheduler/field';
export { readRowId, readWorkerId, rowId, type RowKind, workerId } from './task-scheduler/ids';
export { CheckpointDto, CreateTaskDto, UpdateTaskDto } from './task-scheduler/task.dto';
export { readTime } from './task-scheduler/values';
export { CreateWebhookDto } from './task-scheduler/webhook.dto';
export { wholeSeconds } from './task-scheduler/whole-seconds';
