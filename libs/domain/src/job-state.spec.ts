import { isFinalJobState, JOB_STATES, JOB_TRANSITIONS, jobStatesBefore } from './job-state';
import { backoffSeconds } from './backoff';

describe('job states', () => {
  it('a job can be broken from every state but broken', () => {
    expect(jobStatesBefore('broken')).toEqual(JOB_STATES.filter((state) => state !== 'broken'));
  });

  it('only a queued job starts', () => {
    expect(jobStatesBefore('started')).toEqual(['queued']);
  });

  it('nothing leaves a final state but by broken', () => {
    for (const state of JOB_STATES.filter(isFinalJobState)) {
      expect(JOB_TRANSITIONS[state].filter((to) => to !== 'broken')).toEqual([]);
    }
  });
});

describe('back-off', () => {
  it('doubles from the base to the maximum and jitter only shortens', () => {
    const policy = { baseSeconds: 5, maxSeconds: 3600 };
    expect([1, 2, 3, 20].map((attempt) => backoffSeconds(attempt, policy, 0))).toEqual([5, 10, 20, 3600]);
    expect(backoffSeconds(1, policy, 0.999)).toBeGreaterThan(4);
  });
});
