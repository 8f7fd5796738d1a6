import { encode } from '../json/encode';
import { presentAssignee, presentSnapshot } from './monitoring.presenter';
import { presentTask } from './task.presenter';

const project = {
  id: 1,
  laneId: 9,
  priority: 999n,
  name: 'My project',
  cloneUrl: 'http://github.com/test/test',
  gitRepo: 'myrepo',
  version: '1.0',
  motd: '',
  public: true,
  hidden: false,
  chainId: null,
  paused: false,
  assignRate: 2,
  submitRate: 2,
};

describe('presentTask', () => {
  it('is the task of the document, with nothing of the inside', () => {
    const shown = presentTask({
      id: '7',
      workerId: 1,
      priority: 1,
      recipe: 'test recipe',
      maxAssignSeconds: 0,
      maxRetries: 3,
      retries: 0,
      verifications: 1,
      assignedAt: new Date(1_559_397_394_400),
      project,
    });
    expect(encode(shown)).toBe(
      '{"id":7,"priority":1,"project":{"id":1,"priority":999,"name":"My project","clone_url":"http://github.com/test/test",' +
        '"git_repo":"myrepo","version":"1.0","motd":"","public":true,"hidden":false,"chain":0,"paused":false,"assign_rate":2,"submit_rate":2},' +
        '"assignee":1,"retries":0,"max_retries":3,"status":1,"recipe":"test recipe","max_assign_time":0,"assign_time":1559397394,"verification_count":1}',
    );
  });
});

describe('monitoring', () => {
  it('shows a snapshot and who has tasks', () => {
    const counts = { newTasks: 1n, failedTasks: 2n, closedTasks: 3n, accesses: 4n, votes: 5n };
    expect(encode(presentSnapshot({ ...counts, at: new Date(1_559_397_394_999) }))).toBe(
      '{"new_task_count":1,"failed_task_count":2,"closed_task_count":3,"worker_access_count":4,"awaiting_verification_count":5,"time_stamp":1559397394}',
    );
    expect(presentAssignee({ assignee: 'ann', tasks: 3 })).toEqual({ assignee: 'ann', task_count: 3 });
    expect(presentAssignee({ assignee: null, tasks: 4 })).toEqual({ assignee: 'unassigned', task_count: 4 });
  });
});
