import { AdmitJobs, ChangeSetting, SubmitJob } from '@task-engine/engine';
import { Client } from 'pg';
import { TestEngine } from '../../support/start-engine';

describe('a submit', () => {
  let engine: TestEngine;
  beforeEach(async () => (engine = await TestEngine.start()));
  afterEach(() => engine.stop());

  const submit = async (job: { priority?: number; workflow?: string; runAt?: string } = {}) => {
    const client = await engine.client();
    const submission = { client, workflow: 'noop', parameters: {}, requestLog: '{}', ...job };
    return (await engine.get(SubmitJob).run(submission)).id;
  };
  const states = async () =>
    Object.fromEntries(
      (await engine.query<{ id: string; state: string }>('SELECT id, state FROM job ORDER BY id')).map((job) => [
        job.id,
        job.state,
      ]),
    );
  const fillAfterwards = () => new Promise((resolve) => setTimeout(resolve, 260));

  it('starts its job where a slot is free: the task can be claimed when the answer is there', async () => {
    const id = await submit();
    expect(await engine.state(id)).toBe('started');
    expect(await engine.claim(id)).toHaveLength(1);
  });

  it('leaves a job queued in a lane that is paused, and starts one again after it was resumed', async () => {
    await engine.stores.lanes.setPaused('engine', true);
    const id = await submit();
    expect(await engine.state(id)).toBe('queued');
    await engine.stores.lanes.setPaused('engine', false);
    await fillAfterwards();
    await submit();
    expect(Object.values(await states())).toEqual(['started', 'started']);
  });

  it('starts the job that has waited longer, not its own', async () => {
    await engine.get(ChangeSetting).run('max_jobs', 1);
    const older = await engine.submit('noop', {}, { priority: 5 });
    const newer = await submit({ priority: 5 });
    expect(await states()).toEqual({ [older]: 'started', [newer]: 'queued' });
  });

  it('starts a more urgent job before one that has waited longer', async () => {
    await engine.get(ChangeSetting).run('max_jobs', 1);
    const older = await engine.submit('noop', {}, { priority: 9 });
    const urgent = await submit({ priority: 1 });
    expect(await states()).toEqual({ [older]: 'queued', [urgent]: 'started' });
  });

  it('does not start what is due later', async () => {
    const id = await submit({ runAt: new Date(Date.now() + 60_000).toISOString() });
    expect(await engine.state(id)).toBe('scheduled');
  });

  it('never passes the limit, also when several gateways and controllers come together', async () => {
    await engine.get(ChangeSetting).run('max_jobs', 7);
    const client = await engine.client();
    const submission = { client, workflow: 'noop', parameters: {}, requestLog: '{}' };
    const job = await engine.get(SubmitJob).prepare(submission);
    // past the batches of one gateway, in which its submits wait for each other
    const submitElsewhere = () => engine.get(AdmitJobs).along(job.laneId, ({ jobs }) => jobs.insert([job]));
    await Promise.all(Array.from({ length: 80 }, (_, n) => (n % 4 === 0 ? engine.admit() : submitElsewhere())));
    const running = Object.values(await states()).filter((state) => state === 'started');
    expect(running).toHaveLength(7);
  });

  it('does not wait for whoever is deciding about the lane', async () => {
    const blocker = new Client({ connectionString: engine.url });
    await blocker.connect();
    await blocker.query('BEGIN; SELECT id FROM lane FOR NO KEY UPDATE');
    const id = await submit();
    await blocker.query('ROLLBACK');
    await blocker.end();
    expect(await engine.state(id)).toBe('queued');
    await engine.admit();
    expect(await engine.state(id)).toBe('started');
  });

  it('is accepted although another job of the lane cannot be started', async () => {
    const bad = await engine.submit('noop');
    await engine.query(`ALTER TABLE task ADD CONSTRAINT no_task_of_it CHECK (job_id <> ${bad})`);
    const id = await submit();
    expect(await states()).toEqual({ [bad]: 'queued', [id]: 'queued' });
  });
});
