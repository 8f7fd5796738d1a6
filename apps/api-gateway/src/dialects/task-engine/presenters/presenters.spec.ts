import type { JobSummary, JobView } from '@task-engine/database';
import { JOB_STATES } from '@task-engine/domain';
import { presentHealth } from './health.presenter';
import { presentDashboard, presentJob, presentRow, presentSummary } from './job.presenter';
import { presentLogRow } from './log.presenter';
import { presentSchedules } from './schedule.presenter';

const summary: JobSummary = {
  id: '123',
  client: 'demo-client',
  workflow: 'vodcapture',
  priority: 5,
  position: 1,
  topOfQueue: false,
  state: 'started',
  waitReason: null,
  runAt: new Date('2020-11-29T18:00:30Z'),
  createdAt: new Date('2019-11-29T10:47:50.431Z'),
  updatedAt: new Date('2020-07-13T09:44:48.451Z'),
};

const view = (fields: Partial<JobView> = {}): JobView => ({
  ...summary,
  state: 'completed',
  submitted: { content_id: 'a' },
  ...fields,
});

describe('job presenters', () => {
  const documented = {
    id: 123,
    client: 'demo-client',
    workflow: 'vodcapture',
    priority: 5,
    position: 1,
    created_at: '2019-11-29T10:47:50.431Z',
    updated_at: '2020-07-13T09:44:48.451Z',
    queue_state: 'started',
    failed: false,
    run_at: '2020-11-29T18:00:30.000Z',
  };

  it('shows a dashboard as the document does', () => {
    const dashboard = {
      maxRunning: 2,
      reservedSlots: 0,
      started: [summary],
      queued: [{ ...summary, id: '125', priority: 6, state: 'queued' as const }],
      scheduled: [{ ...summary, id: '122', state: 'scheduled' as const }],
    };
    expect(presentDashboard(dashboard, '1.169.3')).toStrictEqual({
      max_jobs: 2,
      priority_slots: 0,
      started: [documented],
      queued: [{ ...documented, id: 125, priority: 6, queue_state: 'queued' }],
      scheduled: [{ ...documented, id: 122, queue_state: 'scheduled' }],
      version: '1.169.3',
    });
  });

  it('shows a row of the list and a job as the documents do', () => {
    const completed = { ...documented, queue_state: 'completed', parameters: { content_id: 'a' } };
    expect(presentRow(view())).toStrictEqual(completed);
    expect(presentJob(view())).toStrictEqual({ ...completed, top_of_queue: false });
    expect(Object.keys(presentJob(view()))).toEqual([
      'id',
      'client',
      'workflow',
      'priority',
      'position',
      'top_of_queue',
      'parameters',
      'created_at',
      'updated_at',
      'queue_state',
      'failed',
      'run_at',
    ]);
  });

  it('shows a failed job as completed with failed set, and no other job so', () => {
    for (const state of JOB_STATES) {
      const shown = presentSummary({ ...summary, state });
      expect([shown.queue_state, shown.failed]).toEqual(state === 'failed' ? ['completed', true] : [state, false]);
    }
  });

  it('lets no column through that the documents do not name', () => {
    const row = { ...view(), semaphoreUrl: 'https://secret.example', parameters: { inserted: 'default' } };
    expect(JSON.stringify([presentRow(row), presentJob(row), presentSummary(row)])).not.toMatch(/secret|inserted/);
  });

  it('shows parameters as submitted, but for secrets', () => {
    const submitted = {
      content_id: 'a',
      custom_data: { key: 'plain', nested: [{ password: 'abcdefghijkl' }, null, 1, true] },
      clips: [{ source: 'https://user:pass@example.com/a.m3u8', content_key: '00112233445566778899aabbccddeeff' }],
      token: 5,
    };
    expect(presentRow(view({ submitted })).parameters).toEqual({
      content_id: 'a',
      custom_data: { key: 'plain', nested: [{ password: '********ijkl' }, null, 1, true] },
      clips: [{ source: 'https://****@example.com/a.m3u8', content_key: `${'*'.repeat(28)}eeff` }],
      token: '****',
    });
    expect(submitted.custom_data.nested[0]).toEqual({ password: 'abcdefghijkl' });
  });
});

describe('presentHealth', () => {
  const health = {
    maxRunning: 8,
    reservedSlots: 3,
    jobs: { completed: 12345, failed: 65, broken: 20, queued: 4, started: 8, scheduled: 7 },
    queues: {
      encode: { workers: 1, working: 1, pending: 3 },
      work: { workers: 9, working: 2, pending: 5 },
      callback: { workers: 2, working: 0, pending: 1 },
    },
    tasksFailed: 7,
    executionsEnded: 987654321,
  };

  it('shows numbers as the document does, further queues last', () => {
    const shown = presentHealth(health, '1.169.3');
    expect(shown).toStrictEqual({
      version: '1.169.3',
      databases: { redis: 'OK', postgres: 'OK' },
      queues: {
        windows_capture: { workers: 0, working: 0, pending: 0 },
        scheduler: { workers: 0, working: 0, pending: 0 },
        work: { workers: 9, working: 2, pending: 5 },
        controller: { workers: 0, working: 0, pending: 0 },
        callback: { workers: 2, working: 0, pending: 1 },
        encode: { workers: 1, working: 1, pending: 3 },
      },
      tasks: { failed: 7, pending: 9, processed: 987654321 },
      jobs: {
        completed: 12345,
        failed: 65,
        pending: 0,
        broken: 20,
        queued: 4,
        started: 8,
        scheduled: 7,
        paused: 0,
        max_jobs: 8,
        priority_slots: 3,
      },
    });
    expect(Object.keys(shown.queues).at(-1)).toBe('encode');
  });

  it('shows what is wrong with Redis', () => {
    expect(presentHealth({ ...health, redisError: 'Redis is away' }, '1').databases).toEqual({
      redis: 'Redis is away',
      postgres: 'OK',
    });
  });
});

describe('other presenters', () => {
  it('shows a log row as the document does', () => {
    const at = new Date('2020-07-06T12:48:52.282Z');
    const row = {
      id: '691516',
      jobId: '123',
      taskId: '24102',
      severity: 1,
      progname: 'worker',
      message: "'rename_manifests' completed successfully",
      visible: true,
      createdAt: at,
      updatedAt: at,
    };
    expect(presentLogRow(row)).toStrictEqual({
      id: 691516,
      job_id: 123,
      severity: 1,
      severity_description: 'INFO',
      progname: 'worker',
      message: "'rename_manifests' completed successfully",
      created_at: '2020-07-06T12:48:52.282Z',
      updated_at: '2020-07-06T12:48:52.282Z',
      task_id: 24102,
      visible: true,
    });
    expect([0, 2, 3, 4, 5].map((severity) => presentLogRow({ ...row, severity }).severity_description)).toEqual([
      'DEBUG',
      'WARN',
      'ERROR',
      'FATAL',
      'UNKNOWN',
    ]);
  });

  it('shows schedules in the shape of resque-scheduler', () => {
    const schedule = {
      name: 'queue_scheduled_jobs',
      class: 'QueueJobs',
      everySeconds: 60,
      firstInSeconds: 5,
      queue: 'scheduler',
      description: 'Enqueues scheduled jobs that have a run_at time in the past.',
      active: true,
      nextAt: new Date(),
    };
    expect(presentSchedules([schedule])).toStrictEqual({
      result: 'ok',
      schedules: {
        queue_scheduled_jobs: {
          class: 'QueueJobs',
          every: [60, { first_in: 5 }],
          queue: 'scheduler',
          description: 'Enqueues scheduled jobs that have a run_at time in the past.',
        },
      },
    });
  });
});
