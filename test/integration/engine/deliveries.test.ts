import { UpdateJob } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';

const ENDPOINTS = ['http://one.example/hook', 'http://two.example/hook'];

interface Row {
  event: string;
  url: string;
  task_id: string;
  body: string;
}

describe('deliveries are written with what caused them', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await TestEngine.start();
    await engine.stores.lanes.changeSetting('engine', 'max_jobs', 100);
    await engine.stores.lanes.changeSetting('engine', 'retry_delay', 0);
  });
  afterAll(() => engine.stop());

  const rows = (jobId: string) => engine.query<Row>(`SELECT * FROM delivery WHERE job_id = $1 ORDER BY id`, [jobId]);
  const events = async (jobId: string) =>
    (await rows(jobId)).filter((row) => row.url === ENDPOINTS[0]).map((row) => row.event);
  const start = async (workflow: string, parameters: object = {}) => {
    const id = await engine.submit(workflow, { rest_endpoints: ENDPOINTS, custom_data: { a: [1] }, ...parameters });
    await engine.admit();
    return id;
  };

  it('one row per event and endpoint: start, complete, and the end of the job', async () => {
    const id = await start('noop', { content_id: 'film' });
    expect(await rows(id)).toEqual([]);
    const [work] = await engine.claim(id);
    expect(await events(id)).toEqual(['start']);
    await engine.report(work!);
    await engine.advance(id);
    await engine.advance(id);
    expect(await events(id)).toEqual(['start', 'complete', 'job_completed']);
    const all = await rows(id);
    expect(all).toHaveLength(6);
    expect(new Set(all.map((row) => row.task_id))).toEqual(new Set([work!.task.id]));
    const job = JSON.parse(all.at(-1)!.body) as Record<string, unknown>;
    expect(job).toMatchObject({
      job_id: id,
      status: 'completed',
      workflow: 'noop',
      content_id: 'film',
      custom_data: { a: [1] },
      client: 'demo-client',
    });
    expect(job).not.toHaveProperty('task_id');
    expect(JSON.parse(all[0]!.body)).toMatchObject({
      job_id: id,
      task_id: work!.task.id,
      task_name: 'noop',
      event: 'start',
      message: '',
    });
  });

  it('a try that is repeated tells nobody; the last failure does, and the job with its error', async () => {
    await engine.stores.lanes.changeSetting('engine', 'retry_limit', 2);
    const id = await start('fail', { message: 'no luck' });
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const [work] = await engine.claim(id);
      expect(await events(id)).toEqual(['start']);
      await engine.report(work!, { state: 'failed', error: 'no luck', retryable: true });
    }
    await engine.advance(id);
    expect(await events(id)).toEqual(['start', 'fail', 'job_failed']);
    const last = JSON.parse((await rows(id)).at(-1)!.body) as object;
    expect(last).toMatchObject({ status: 'failed', message: 'no luck' });
  });

  it('a job without endpoints leaves none', async () => {
    const id = await start('noop', { rest_endpoints: [] });
    const [work] = await engine.claim(id);
    await engine.report(work!);
    await engine.advance(id);
    expect(await rows(id)).toEqual([]);
  });

  it('a transition whose delivery cannot be written does not happen', async () => {
    const id = await start('noop');
    const [work] = await engine.claim(id);
    await engine.query(`ALTER TABLE delivery ADD CONSTRAINT refuse CHECK (event <> 'complete') NOT VALID`);
    await expect(engine.report(work!)).rejects.toThrow();
    expect(await engine.query(`SELECT state FROM task WHERE job_id = $1`, [id])).toEqual([{ state: 'started' }]);
    expect(await engine.query(`SELECT state FROM execution WHERE job_id = $1`, [id])).toEqual([{ state: 'running' }]);
    await engine.query(`ALTER TABLE delivery DROP CONSTRAINT refuse`);
    expect(await engine.report(work!)).toBe(true);
  });

  it('breaking a job leaves what was to be told before it', async () => {
    const { id: clientId } = await engine.client();
    const id = await start('steps', { count: 2 });
    await engine.claim(id);
    await engine.get(UpdateJob).run({ clientId, jobId: id, changes: { state: 'broken' } });
    expect(await events(id)).toEqual(['start']);
  });
});
