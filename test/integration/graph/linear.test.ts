import { ClaimExecutions, type ClaimedWork, ReportExecutions } from '@task-engine/engine';
import { TestEngine, WORKER } from '../../support/start-engine';
import { Graphs } from './graph-fixture';

const SMALL = 250;
const LARGE = 1_000;
/** What four times as many may cost: in linear time about 4 times as much, in quadratic time 16. */
const FACTOR = 7;

describe('large graphs', () => {
  let engine: TestEngine;
  let graphs: Graphs;
  beforeAll(async () => {
    engine = await TestEngine.start();
    graphs = new Graphs(engine);
    await engine.query(`UPDATE lane SET max_running = 100 WHERE name = 'task-scheduler'`);
  });
  afterAll(() => engine.stop());

  const report = (works: ClaimedWork[]) =>
    engine.get(ReportExecutions).run(
      works.map((work) => ({
        lease: { executionId: work.executionId, token: work.token },
        job: work.job,
        outcome: { state: 'succeeded', output: { result: 'done' } },
        lines: work.lines,
      })),
    );
  /** Runs all that can run, until nothing is left. Ids in the order in which they ran. */
  const runAll = async (): Promise<string[]> => {
    const ran: string[] = [];
    for (;;) {
      await graphs.admit();
      const works = await engine.get(ClaimExecutions).run({ queue: 'shell', limit: 100, lastChance: true }, WORKER, 30);
      if (works.length === 0) return ran;
      await report(works);
      ran.push(...works.map(({ job }) => job.id));
    }
  };
  const timed = async (work: () => Promise<void>): Promise<number> => {
    const began = performance.now();
    await work();
    return performance.now() - began;
  };
  const many = (count: number, ...dependencies: string[]) =>
    Promise.all(Array.from({ length: count }, async () => (await graphs.create({ dependencies })).id));

  const chain = async (length: number): Promise<void> => {
    const ids: string[] = [];
    for (let n = 0; n < length; n += 1)
      ids.push(n === 0 ? (await graphs.create()).id : await graphs.childOf(ids[n - 1]!));
    expect(await runAll()).toEqual(ids);
  };
  const fanIn = async (width: number): Promise<void> => {
    const parents = await many(width);
    const child = await graphs.childOf(...parents);
    const ran = await runAll();
    expect(ran.at(-1)).toBe(child);
    expect(ran).toHaveLength(width + 1);
  };
  const fanOut = async (width: number): Promise<void> => {
    const parent = await graphs.create();
    const children = await many(width, parent.id);
    const ran = await runAll();
    expect(ran[0]).toBe(parent.id);
    expect(new Set(ran)).toEqual(new Set([parent.id, ...children]));
  };

  it.each([
    ['a chain', chain],
    ['a fan-in', fanIn],
    ['a fan-out', fanOut],
  ])('%s of 1,000 costs about four times as much as one of 250, and runs in order', async (_name, run) => {
    await run(50);
    const small = await timed(() => run(SMALL));
    const large = await timed(() => run(LARGE));
    expect(large / small).toBeLessThan(FACTOR);
  });
});
