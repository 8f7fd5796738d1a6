import { serve } from './harness/child';
import { type DelayedOptions, DelayedJobs, type Moment } from './punctuality-peer';

let jobs: DelayedJobs;

const procedures = {
  start: async (options: DelayedOptions): Promise<void> => {
    jobs = new DelayedJobs(options);
    await jobs.ready();
  },
  /** Adds jobs with their due times; answers when Redis has them. */
  add: (moments: Moment[]): Promise<void> => jobs.add(moments),
  /** How many handlers have started since `takeStarts`. */
  started: async (): Promise<number> => jobs.started,
  takeStarts: async (): Promise<Moment[]> => jobs.takeStarts(),
};
export type DelayedProcess = typeof procedures;
serve(procedures);
