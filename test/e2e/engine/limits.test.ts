import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../support/eventually';
import { between, EngineSuite, measured, type Submission } from './engine-suite';
import { expectRunOnce, recordLimits, replayStarts } from './history';

describe('two replicas of every app', () => {
  let suite: EngineSuite;

  beforeAll(async () => {
    suite = await EngineSuite.start();
    await recordLimits(suite);
  });

  afterAll(() => suite?.stop());

  it('never start a job twice nor pass a limit while limits change under load', async () => {
    await suite.set({ max_jobs: 4, priority_slots: 2, priority_threshold: 5 });
    const submissions = Array.from({ length: 240 }, (_, n): Submission => {
      const priority = [10, 5, 6, 1][n % 4];
      if (n % 3 === 0) return { workflow: 'noop', job: { priority } };
      return { workflow: 'sleep', parameters: { seconds: (n % 5) * 0.05 }, job: { priority } };
    });
    let over = false;
    let most = 0;
    const changing = (async () => {
      for (let round = 0; !over; round += 1) {
        await suite.set({ max_jobs: [12, 3, 20, 6][round % 4]!, priority_slots: [2, 1, 5, 0][round % 4]! });
        await suite.call('POST', '/push_jobs', {});
        await delay(250);
      }
    })();
    const looking = (async () => {
      while (!over) {
        const [row] = await suite.query<{ n: number }>(`SELECT count(*)::int AS n FROM job WHERE state = 'started'`);
        most = Math.max(most, row!.n);
        await delay(10);
      }
    })();
    try {
      const began = Date.now();
      const ids = await suite.submitAll(submissions);
      await suite.reached(ids, 45_000);
      measured('240 jobs under changing limits', Date.now() - began, 'ms');
      await expectRunOnce(suite, ids);
    } finally {
      over = true;
      await Promise.all([changing, looking]);
    }
    const replay = await replayStarts(suite);
    measured('most jobs that ran at one time', replay.most, '');
    expect(replay.violations).toEqual([]);
    expect(replay.starts).toBe(submissions.length);
    // the limits were really reached, and the highest of them never passed at any look
    expect(replay.limits.length).toBeGreaterThan(8);
    expect(replay.most).toBeGreaterThan(6);
    expect(most).toBeLessThanOrEqual(20);
  });

  it('keep reserved slots free of normal jobs however many of them wait, and fill them with priority jobs', async () => {
    await suite.set({ max_jobs: 5, priority_slots: 2, priority_threshold: 5 });
    const normal = await suite.submitAll(Array.from({ length: 6 }, () => sleeper(600, 6)));
    await eventually(async () => expect(await suite.states(normal)).toEqual({ started: 3, queued: 3 }));
    const urgent = await suite.submitAll(Array.from({ length: 3 }, () => sleeper(600, 5)));
    await eventually(async () => expect(await suite.states(urgent)).toEqual({ started: 2, queued: 1 }));
    await eventually(async () => {
      const waiting = await suite.query<{ id: string }>(
        `SELECT id FROM job WHERE id = ANY($1::bigint[]) AND state = 'queued'`,
        [[...normal, ...urgent]],
      );
      for (const { id } of waiting) {
        const { body } = await suite.call<{ wait_reason: string }>('GET', `/jobs/${id}?explain=1`);
        expect(body.wait_reason).toBe('LaneFull');
      }
    });
    await breakAll([...normal, ...urgent]);
  });

  it('start waiting jobs by themselves at once when max_jobs is raised', async () => {
    await suite.set({ max_jobs: 1, priority_slots: 0 });
    const ids = await suite.submitAll(Array.from({ length: 10 }, () => sleeper(600)));
    await eventually(async () => expect(await suite.states(ids)).toEqual({ started: 1, queued: 9 }));
    const raised = Date.now();
    await suite.set({ max_jobs: 10 });
    await suite.reached(ids, 2_000, 'started');
    measured('nine more jobs started after max_jobs was raised', Date.now() - raised, 'ms');
    await breakAll(ids);
  });

  it('stop a running sleep within 2 s of its break and give its slot in the worker to the next task', async () => {
    await suite.set({ max_jobs: 100, priority_slots: 0 });
    // as many as both workers have slots of queue work
    const ids = await suite.submitAll(Array.from({ length: 32 }, () => sleeper(600)));
    for (const id of ids) await suite.running(id);
    const next = await suite.submit('noop');
    await suite.reached([next], 10_000, 'started');
    expect(await suite.executions(next)).toMatchObject([{ state: 'queued' }]);
    const broken = ids[7]!;
    const [execution] = await suite.executions(broken);
    const asked = Date.now();
    await suite.change(broken, { queue_state: 'broken' });
    const { at } = await suite.left(execution!.id, 2_000);
    await suite.reached([next], Math.max(0, 2_000 - (Date.now() - asked)));
    measured('break until the worker has left the task', between(asked, at), 'ms');
    expect(await suite.executions(broken)).toMatchObject([{ state: 'stopped' }]);
    await breakAll(ids.filter((id) => id !== broken));
  });

  it('run a hundred steps strictly one after the other', async () => {
    const began = Date.now();
    const id = await suite.submit('steps', { count: 100 });
    await suite.reached([id], 30_000);
    measured('a hundred steps', Date.now() - began, 'ms');
    await expectRunOnce(suite, [id]);
    const executions = await suite.executions(id);
    expect(executions.map(({ taskName }) => taskName)).toEqual(Array.from({ length: 100 }, (_, n) => `step_${n + 1}`));
    const [overlap] = await suite.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM (
         SELECT e.started_at, lag(e.finished_at) OVER (ORDER BY t.ordinal) AS before
         FROM execution e JOIN task t ON t.id = e.task_id WHERE e.job_id = $1) step WHERE started_at < before`,
      [id],
    );
    expect(overlap!.n).toBe(0);
  });

  const sleeper = (seconds: number, priority?: number): Submission => ({
    workflow: 'sleep',
    parameters: { seconds },
    job: { priority },
  });

  const breakAll = (ids: string[]) => Promise.all(ids.map((id) => suite.change(id, { queue_state: 'broken' })));
});
