import type { LogRow } from './engine-client';
import { JobView } from './job-view';

const began = new Date('2026-01-01T00:00:00.000Z');
let id = 0;

function row(seconds: number, message: string, taskId = 1, progname = 'worker'): LogRow {
  const at = new Date(began.getTime() + seconds * 1000).toISOString();
  return { id: ++id, progname, task_id: taskId, message, created_at: at };
}

describe('JobView', () => {
  it('shows each task with its state and length, and what a running one says', () => {
    const view = new JobView(began);
    view.update([
      row(0, "Task 'resolve' started"),
      row(1.5, "'resolve' completed successfully"),
      row(2, "Task 'cut' started", 2),
      row(2.2, 'cut: 40 % (00:00:02 of 00:00:05)', 2),
    ]);
    expect(view.names).toEqual(['resolve', 'cut']);
    expect(view.taskLines(new Date(began.getTime() + 3000))).toEqual([
      '  ok      1.5 s  resolve',
      '  ..      1.0 s  cut      40 % (00:00:02 of 00:00:05)',
    ]);
  });

  it('gives each row once, in order of time, with its task and without what repeats', () => {
    const view = new JobView(began);
    const rows = [
      row(0, '{"path":"POST /job"}', 0, 'api'),
      row(0.1, 'No client definitions. Using common definitions.'),
      row(0.1, "Task 'upload' started"),
      row(0.4, "'upload' completed successfully"),
      row(0.3, 'Uploaded a_3a0c10e2-6d3d-4909-b56f-01403ea7589a.mp4'),
      row(0.5, 'job has completed successfully', 1, 'controller'),
    ];
    expect(view.update(rows)).toEqual([
      '    0.1 s  upload             started',
      '    0.3 s  upload             Uploaded a_3a0c10e2*.mp4',
      '    0.4 s  upload             completed successfully',
      '    0.5 s  controller         job has completed successfully',
    ]);
    expect(view.update(rows)).toEqual([]);
  });

  it('writes progress at most twice a second', () => {
    const view = new JobView(began);
    const progress = [0.1, 0.6, 0.7, 1.2].map((seconds) => row(seconds, `cut: ${seconds * 10} % (x)`));
    expect(view.update([row(0, "Task 'cut' started"), ...progress])).toHaveLength(3);
  });

  it('tells a try that is repeated from a task that has failed', () => {
    const view = new JobView(began);
    view.update([row(0, "Task 'a' started"), row(1, "'a' failed: no. Retry 1 of 3 in 5 s")]);
    expect(view.taskLines()[0]).toMatch(/^ {2}\.\. .* failed: no\. Retry 1 of 3 in 5 s$/);
    view.update([row(6, "Task 'a' started"), row(7, "'a' failed: no")]);
    expect(view.taskLines()[0]).toMatch(/^ {2}FAIL +7\.0 s {2}a {2}failed: no$/);
  });
});
