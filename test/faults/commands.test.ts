import { randomInt } from 'node:crypto';
import { expectRunOnce } from '../e2e/engine/history';
import { eventually } from '../support/eventually';
import { FaultSuite, print } from './support/fault-suite';
import { mostMemoryDuring, processesWith, residentMegabytes } from './support/process-facts';

/** Runs the text it is given. */
const SHELL = `version: 1
parameters: { type: object, required: [script], properties: { script: { type: string } } }
tasks:
  - { name: run, uses: command, with: { argv: [sh, -c, '\${parameters.script}'] }, timeout: 240, retries: { limit: 0, delay: 0 } }
`;

const GIGABYTE = 1024 ** 3;
/** How much more memory a worker may take while a command writes a gigabyte, in MB. */
const MEMORY = 150;
/** Rows that one stream of one task may add to a job's log, and the marker after them. */
const LOG_ROWS = 2_001;
/** Bytes of all rows of a job's log at most: what one job may cost the database, however much its command writes. */
const LOG_BYTES = 8 * 1024 ** 2;

describe('commands that misbehave', () => {
  let suite: FaultSuite;

  beforeAll(async () => {
    suite = await FaultSuite.start({ env: { COMMAND_ALLOW: 'sh' }, workflows: { shell: SHELL } });
    await suite.engine.set({ max_jobs: 30 });
  });

  afterAll(() => suite?.stop());

  it('a stopped command that ignores SIGTERM and has forked: 5 s later nothing of its group is left', async () => {
    const { engine } = suite;
    // no other process on the machine sleeps for this long
    const mark = `sleep ${randomInt(100_000_000, 999_999_999)}`;
    const child = `(trap '' TERM; ${mark} & ${mark} & wait)`;
    const id = await engine.submit('shell', {
      script: `trap '' TERM; ${child} & ${child} & ${mark} & wait; wait; wait`,
    });
    const { id: execution } = await engine.running(id);
    await eventually(() => expect(processesWith(mark).length).toBeGreaterThanOrEqual(5));
    const asked = Date.now();
    await engine.change(id, { queue_state: 'broken' });
    await engine.left(execution, 15_000);
    await eventually(() => expect(processesWith(mark)).toEqual([]));
    const took = (Date.now() - asked) / 1_000;
    print(`stopped command that ignores SIGTERM, with forks: all gone after ${took.toFixed(1)} s`);
    expect(took).toBeGreaterThan(4);
    expect(took).toBeLessThan(9);
  }, 60_000);

  it.each([
    { what: 'one endless line', script: `head -c ${GIGABYTE} /dev/zero | tr '\\0' x`, rows: 1 },
    { what: 'a million lines of 1 KB', script: `yes ${'x'.repeat(1023)} | head -c ${GIGABYTE}`, rows: LOG_ROWS },
    { what: 'lines of one byte', script: `yes | head -c ${GIGABYTE}`, rows: LOG_ROWS },
    { what: 'binary', script: `head -c ${GIGABYTE} /dev/urandom `, rows: LOG_ROWS },
    {
      what: 'the same on the error output',
      script: `yes ${'x'.repeat(1023)} | head -c ${GIGABYTE} >&2`,
      rows: LOG_ROWS,
    },
  ])(
    'a command that writes 1 GB, $what: memory and log stay bounded, neighbours go on',
    async ({ what, script, rows }) => {
      const { engine } = suite;
      const pids = engine.members('task-worker').map(({ pid }) => pid!);
      const before = Math.max(...pids.map(residentMegabytes));
      const began = Date.now();
      const id = await engine.submit('shell', { script });
      const { result: neighbours, most } = await mostMemoryDuring(pids, async () => {
        const ids: string[] = [];
        // each is done before the next is sent: what a neighbour of the command waits shows in its own time
        do {
          const neighbour = await engine.submit('sleep', { seconds: 0.2 });
          await engine.reached([neighbour], 15_000);
          ids.push(neighbour);
        } while ('started' in (await engine.states([id])));
        return ids;
      });
      const seconds = (Date.now() - began) / 1_000;
      const [log] = await engine.query<{ rows: number; bytes: number; marked: number }>(
        `SELECT count(*)::int AS rows, sum(length(message))::int AS bytes,
                count(*) FILTER (WHERE message LIKE '%output limited%' OR message LIKE '%[line cut at%')::int AS marked
         FROM job_log WHERE job_id = $1 AND progname = 'worker'`,
        [id],
      );
      const [slowest] = await engine.query<{ ms: number }>(
        `SELECT max(EXTRACT(EPOCH FROM finished_at - created_at))::float8 * 1000 AS ms FROM job WHERE id = ANY($1::bigint[])`,
        [neighbours],
      );
      print(
        `1 GB, ${what}: ${seconds.toFixed(1)} s; worker ${Math.round(before)} MB before, ${Math.round(most)} MB at most; ` +
          `${log!.rows} log rows with ${Math.round(log!.bytes / 1024)} KB; ${neighbours.length} neighbours, slowest ${Math.round(slowest!.ms)} ms`,
      );
      await engine.reached([id], 1_000);
      await expectRunOnce(engine, [id, ...neighbours]);
      expect(most - before).toBeLessThan(MEMORY);
      expect(log!.rows).toBeLessThanOrEqual(rows + 5);
      expect(log!.bytes).toBeLessThanOrEqual(LOG_BYTES);
      expect(log!.marked).toBeGreaterThanOrEqual(1);
      expect(slowest!.ms).toBeLessThan(5_000);
    },
    300_000,
  );
});
