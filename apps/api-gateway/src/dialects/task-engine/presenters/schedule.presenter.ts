import type { ScheduleRecord } from '@task-engine/database';

/** The shape of resque-scheduler: a hash by name, `every` as an interval in seconds with its options. */
export function presentSchedules(schedules: ScheduleRecord[]) {
  return {
    result: 'ok',
    schedules: Object.fromEntries(schedules.map((schedule) => [schedule.name, presentSchedule(schedule)])),
  };
}

function presentSchedule(schedule: ScheduleRecord) {
  return {
    class: schedule.class,
    every: [schedule.everySeconds, { first_in: schedule.firstInSeconds }],
    queue: schedule.queue,
    description: schedule.description,
  };
}
