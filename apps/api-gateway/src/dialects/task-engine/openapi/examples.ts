/** Examples of the published documents. */

const started = {
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

const parameters = {
  content_id: '832751d6-f94f-44b3-b30d-0281bebfb0ea',
  output_folder: '832751d6-f94f-44b3-b30d-0281bebfb0ea',
  clips: [
    {
      source: 'https://demo.example.com/live/index.m3u8',
      start: '2019-09-18T16:55:53.000',
      end: '2019-09-18T17:08:20.520',
    },
  ],
  frame_accurate: true,
  rest_endpoints: ['https://cms.example.com/taskenginecallback'],
};

const idleQueue = (workers: number) => ({ workers, working: 0, pending: 0 });

export const examples = {
  alive: { result: 'alive' },
  health: {
    version: '1.169.3',
    databases: { redis: 'OK', postgres: 'OK' },
    queues: {
      windows_capture: idleQueue(12),
      scheduler: idleQueue(1),
      work: idleQueue(9),
      controller: idleQueue(1),
      callback: idleQueue(2),
    },
    tasks: { failed: 0, pending: 0, processed: 987654321 },
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
  },
  dashboard: {
    max_jobs: 2,
    priority_slots: 0,
    started: [started],
    queued: [{ ...started, id: 125, priority: 6, queue_state: 'queued' }],
    scheduled: [{ ...started, id: 122, queue_state: 'scheduled', run_at: '2030-06-19T17:00:30.000Z' }],
    version: '1.169.3',
  },
  submission: { client: 'demo-client', job: { workflow: 'vodcapture', priority: 5 }, parameters },
  accepted: { id: '123', result: 'accepted' },
  jobs: [{ ...started, queue_state: 'completed', parameters }],
  job: { ...started, queue_state: 'completed', top_of_queue: false, parameters },
  update: { client: 'demo-client', priority: '2', run_at: '2020-09-09T14:30:00.000' },
  updated: { id: '123', result: 'Performed updates: priority, run_at' },
  logs: [
    {
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
    },
  ],
  schedules: {
    result: 'ok',
    schedules: {
      queue_scheduled_jobs: {
        class: 'QueueJobs',
        every: [60, { first_in: 5 }],
        queue: 'scheduler',
        description: 'Enqueues scheduled jobs that have a run_at time in the past.',
      },
    },
  },
  switch: { schedule: 'queue_scheduled_jobs', active: true },
  switched: { result: 'ok', schedules: ['queue_scheduled_jobs'] },
  setting: { name: 'max_jobs', setting: '4' },
  settingChanged: { result: 'ok', message: 'max_jobs setting created/updated' },
  ok: { result: 'ok' },
  jobError: { id: '124', error: 'Missing required parameter: job.workflow' },
  error: { error: 'Unknown job: 124' },
  unauthorised: { result: 'Unauthorised request.' },
};
