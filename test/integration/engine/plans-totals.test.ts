import { FoldTotals, ReadJobs, RetainJobs } from '@task-engine/engine';
import { Client } from 'pg';
import { TestEngine } from '../../support/start-engine';

describe('totals and search texts', () => {
  let engine: TestEngine;
  let slow: Client;

  beforeAll(async () => {
    engine = await TestEngine.start();
    slow = new Client({ connectionString: engine.url });
    await slow.connect();
    await engine.stores.lanes.changeSetting('engine', 'max_jobs', 100);
  });

  afterAll(async () => {
    await slow?.end();
    await engine?.stop();
  });

  const found = async (search: string) =>
    (await engine.get(ReadJobs).list('engine', { limit: 10, orderBy: 'id', ascending: true, search })).map(
      ({ id }) => id,
    );
  const marks = async () =>
    Object.fromEntries(
      (
        await engine.query<{ name: string; value: string }>(`SELECT name, value FROM counter WHERE name LIKE 'mark:%'`)
      ).map(({ name, value }) => [name.slice('mark:'.length), Number(value)]),
    );
  const totals = async () => {
    const { jobs, tasksFailed, executionsEnded } = await engine.stores.statistics.read(1);
    return { jobs, tasksFailed, executionsEnded };
  };
  const counted = async () => {
    const [row] = await engine.query<Awaited<ReturnType<typeof totals>>>(
      `SELECT (SELECT jsonb_object_agg(state, n) FROM (SELECT state, count(*) AS n FROM job GROUP BY state) s) AS jobs,
              (SELECT count(*)::int FROM task WHERE state = 'failed') AS "tasksFailed",
              (SELECT count(*)::int FROM execution WHERE state IN ('succeeded', 'failed', 'lost')) AS "executionsEnded"`,
    );
    return row!;
  };
  /** Jobs by state without those that are down to none. */
  const shown = ({ jobs, ...rest }: Awaited<ReturnType<typeof totals>>) => ({
    ...rest,
    jobs: Object.fromEntries(Object.entries(jobs).filter(([, n]) => n > 0)),
  });
  const done = async (content_id: string) => {
    const id = await engine.submit('noop', { content_id });
    await engine.admit();
    for (const work of await engine.claim(id)) await engine.report(work);
    await engine.advance(id);
    return id;
  };
  const writeAll = async (through: string | undefined) => {
    while (through !== undefined && (await engine.get(FoldTotals).writeSearch(through)));
  };

  it('never pass a job whose transaction is still open, and find it when it has come', async () => {
    const first = await done('early-bird');
    await slow.query('BEGIN');
    const { rows } = await slow.query<{ id: string }>(
      `WITH new AS (
         INSERT INTO job (lane_id, client_id, workflow, definition_digest, submitted, parameters, priority, state)
         SELECT lane_id, client_id, workflow, definition_digest, '{"content_id": "late-riser"}', parameters, priority, 'queued' FROM job RETURNING id
       ), moved AS (INSERT INTO job_transition (job_id, to_state, reason) SELECT id, 'queued', 'submitted' FROM new)
       SELECT id FROM new`,
    );
    const late = rows[0]!.id;
    const after = await done('early-bird');
    expect(Number(after)).toBeGreaterThan(Number(late));

    const fold = engine.get(FoldTotals);
    for (let n = 0; n < 3; n += 1) await writeAll((await fold.fold()).through);
    expect((await marks()).job_search).toBeLessThan(Number(late));
    expect(await found('early-bird')).toEqual([first, after]);
    expect(shown(await totals())).toEqual(await counted());

    await slow.query('COMMIT');
    expect(await found('LATE-riser')).toEqual([late]);
    expect(shown(await totals())).toEqual(await counted());
    await fold.fold();
    await writeAll((await fold.fold()).through);
    expect((await marks()).job_search).toBe(Number(after));
    expect(await found('late-riser')).toEqual([late]);
    expect(shown(await totals())).toEqual(await counted());
    await engine.stores.jobs.break(late, 'not needed any more');
  });

  it('stay right while what they have passed ends, and when it is deleted', async () => {
    const fold = engine.get(FoldTotals);
    const id = await engine.submit('noop');
    await engine.admit();
    const [work] = await engine.claim(id);
    await fold.fold();
    await fold.fold();
    await engine.report(work!);
    await engine.advance(id);
    expect(shown(await totals())).toEqual(await counted());
    await fold.fold();
    await fold.fold();
    expect(shown(await totals())).toEqual(await counted());

    const { executionsEnded } = await totals();
    // one that is folded, and one whose end lies behind the marks
    const unfolded = await done('fresh');
    await engine.query(`UPDATE job SET finished_at = now() - interval '31 days' WHERE id = ANY($1::bigint[])`, [
      [id, unfolded],
    ]);
    expect(await engine.get(RetainJobs).run(30)).toBe(2);
    expect(shown({ ...(await totals()), executionsEnded: 0 })).toEqual({ ...(await counted()), executionsEnded: 0 });
    expect((await totals()).executionsEnded).toBe(executionsEnded + 1);
    await fold.fold();
    await fold.fold();
    expect((await totals()).executionsEnded).toBe(executionsEnded + 1);
    expect(await found('fresh')).toEqual([]);
  });

  it('are folded in steps when nobody has folded for long', async () => {
    const fold = engine.get(FoldTotals);
    await fold.fold();
    await engine.query(
      `SELECT setval(pg_get_serial_sequence('job_transition', 'id'), (SELECT max(id) FROM job_transition) + 120000)`,
    );
    await done('far-away');
    expect(await fold.fold()).toMatchObject({ behind: true });
    expect(shown({ ...(await totals()), executionsEnded: 0 })).toEqual({ ...(await counted()), executionsEnded: 0 });
    expect(await fold.fold()).toMatchObject({ behind: true });
    expect(await fold.fold()).toMatchObject({ behind: false });
    expect(shown({ ...(await totals()), executionsEnded: 0 })).toEqual({ ...(await counted()), executionsEnded: 0 });
  });

  it('are counted anew after somebody has changed rows by hand', async () => {
    await engine.query(`DELETE FROM job WHERE state = 'broken'`);
    expect(shown(await totals())).not.toEqual(await counted());
    await engine.get(FoldTotals).recount();
    expect(shown({ ...(await totals()), executionsEnded: 0 })).toEqual({ ...(await counted()), executionsEnded: 0 });
  });
});
