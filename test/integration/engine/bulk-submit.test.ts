import { SubmitJob, type Submitted } from '@task-engine/engine';
import { TestEngine } from '../../support/start-engine';

describe('many submissions at once', () => {
  let engine: TestEngine;
  let client: Submitted['client'];
  beforeAll(async () => {
    engine = await TestEngine.start();
    client = await engine.client();
  });
  afterAll(() => engine.stop());

  const submission = (n: number, workflow = 'noop'): Submitted => ({
    client,
    workflow,
    parameters: { content_id: `c${n}` },
    requestLog: `{"n":${n}}`,
  });
  const stored = async () => (await engine.query<{ n: number }>('SELECT count(*)::int AS n FROM job'))[0]!.n;

  it('bulk stores a thousand jobs, each with its transition and log, and answers their ids in order', async () => {
    const ids = await engine.get(SubmitJob).bulk(Array.from({ length: 1_000 }, (_, n) => submission(n)));
    expect(new Set(ids).size).toBe(1_000);
    const rows = await engine.query<{ id: string; contentId: string; message: string; moved: number }>(
      `SELECT j.id, j.submitted->>'content_id' AS "contentId", l.message,
              (SELECT count(*)::int FROM job_transition t WHERE t.job_id = j.id AND t.to_state = 'queued') AS moved
       FROM job j JOIN job_log l ON l.job_id = j.id`,
    );
    const found = new Map(rows.map((row) => [row.id, row]));
    ids.forEach((id, n) =>
      expect(found.get(id)).toMatchObject({ contentId: `c${n}`, message: `{"n":${n}}`, moved: 1 }),
    );
  });

  it('bulk stores nothing when one of its jobs is refused, and takes no more than a thousand', async () => {
    const before = await stored();
    const verb = engine.get(SubmitJob);
    await expect(verb.bulk([submission(1), submission(2, 'no_such_workflow')])).rejects.toMatchObject({
      code: 'unknown_workflow',
    });
    await expect(verb.bulk(Array.from({ length: 1_001 }, (_, n) => submission(n)))).rejects.toThrow(RangeError);
    expect(await verb.bulk([])).toEqual([]);
    expect(await stored()).toBe(before);
  });

  it('of submissions that share a statement each gets its own id, and a refused one takes none along', async () => {
    const before = await stored();
    const verb = engine.get(SubmitJob);
    const answers = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) => verb.run(submission(n, n % 10 === 3 ? 'no_such_workflow' : 'noop'))),
    );
    for (const [n, answer] of answers.entries()) {
      expect(answer.status).toBe(n % 10 === 3 ? 'rejected' : 'fulfilled');
      if (answer.status === 'rejected') continue;
      expect((await engine.stores.jobs.find(answer.value.id))!.submitted).toEqual({ content_id: `c${n}` });
    }
    expect(await stored()).toBe(before + 54);
  });
});
