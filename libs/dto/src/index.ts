export * from './notifications';
export * from './work';
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
