import {
  AdmitJobs,
  type CommandRequest,
  EnqueueCommand,
  type EnqueuedCommand,
  FireCommands,
  LongText,
  ReadCommands,
  type RunView,
  StopRun,
} from '@task-engine/engine';
import { Database } from '@task-engine/database';
import { eventually } from '../../support/eventually';
import { TestEngine } from '../../support/start-engine';

const nothing = { starts: [], succeeds: [], fails: [], finishes: [] };
const EVERY_SECOND = { kind: 'cron', cron: '* * * * * *', timezone: 'UTC' } as const;

describe('commands', () => {
  let engine: TestEngine;
  beforeEach(async () => {
    engine = await TestEngine.start();
  });
  afterEach(() => engine.stop());

  const enqueue = (request: Partial<CommandRequest> = {}, uuid?: string): Promise<EnqueuedCommand> =>
    engine.get(EnqueueCommand).run(
      {
        group: 'group',
        image: 'busybox',
        command: 'true',
        environment: {},
        extraHosts: [],
        custom: {},
        retries: 0,
        retryPull: false,
        expiration: null,
        timeoutSeconds: 60,
        memoryBytes: null,
        cpus: null,
        keptRuns: null,
        groupLimit: null,
        notify: nothing,
        webhooks: nothing,
        when: { kind: 'now' },
        requestedFrom: null,
        ...request,
      },
      { uuid },
    );
  const commandOf = async ({ uuid }: EnqueuedCommand) => (await engine.stores.commands.find('group', uuid))!;
  const fire = () => engine.get(FireCommands).run();
  const setDue = (id: string, at: Date) => engine.query(`UPDATE command SET next_at = $2 WHERE id = $1`, [id, at]);
  const firingsOf = async (id: string) =>
    (await engine.query<{ at: Date }>(`SELECT due_at AS at FROM run WHERE command_id = $1 ORDER BY at`, [id])).map(
      ({ at }) => at,
    );
  const secondsAgo = (seconds: number) => new Date(Math.floor(Date.now() / 1_000 - seconds) * 1_000);
  const admit = async (laneId: number) => (await engine.get(AdmitJobs).run(laneId)).started;
  const end = async (jobId: string, state: 'succeeded' | 'failed') => {
    for (const work of await engine.claim(jobId))
      await engine.report(
        work,
        state === 'succeeded'
          ? { state, output: {} }
          : { state, error: 'exit code 1', retryable: false, output: { state, exitCode: 1, error: null } },
      );
    await engine.advance(jobId);
  };

  it('fire at none of their times twice, and the times of the others come all the same', async () => {
    const [twice, other] = [await enqueue({ when: EVERY_SECOND }), await enqueue({ when: EVERY_SECOND })];
    const [{ id }, { id: otherId }] = [await commandOf(twice), await commandOf(other)];
    const time = secondsAgo(5);
    await setDue(id, time);
    await fire();
    await setDue(id, time);
    await setDue(otherId, time);
    await fire();
    const firings = await firingsOf(id);
    expect(firings.filter((at) => at.getTime() === time.getTime())).toHaveLength(1);
    expect(await firingsOf(otherId)).toContainEqual(time);
    expect((await commandOf(twice)).nextAt!.getTime()).toBeGreaterThan(time.getTime());
  });

  const breakRule = (id: string) =>
    engine.query(`UPDATE command SET request = jsonb_set(request, '{cron}', '"never"') WHERE id = $1`, [id]);

  it('fire although some of them cannot', async () => {
    const commands = [];
    for (let n = 0; n < 20; n += 1) commands.push(await commandOf(await enqueue({ when: EVERY_SECOND })));
    const times = commands.map((_, n) => secondsAgo(25 - n));
    for (const [n, { id }] of commands.entries()) await setDue(id, times[n]!);
    const bad = new Set([commands[0]!, commands[7]!, commands[8]!, commands[19]!]);
    for (const { id } of bad) await breakRule(id);
    const { failed } = await fire();
    expect(failed.map(({ uuid }) => uuid).sort()).toEqual([...bad].map(({ uuid }) => uuid).sort());
    expect(failed[0]!.error).toMatchObject({ message: expect.stringContaining('never') });
    for (const [n, command] of commands.entries()) {
      const firings = await firingsOf(command.id);
      if (bad.has(command)) expect(firings).toEqual([]);
      else expect(firings).toContainEqual(times[n]);
    }
  });

  it('that cannot fire are left alone for longer and longer, until they are changed', async () => {
    const [bad, good] = [await enqueue({ when: EVERY_SECOND }), await enqueue({ when: EVERY_SECOND })];
    const [{ id: badId }, { id: goodId }] = [await commandOf(bad), await commandOf(good)];
    await breakRule(badId);
    await setDue(badId, secondsAgo(6));
    const pauses = async () => (await fire()).failed.map(({ pauseMs }) => pauseMs);
    expect(await pauses()).toEqual([1_000]);
    expect(await pauses()).toEqual([]);
    // what is due next is what can fire
    await setDue(goodId, secondsAgo(-60));
    expect(await engine.get(FireCommands).nextDue()).toEqual((await commandOf(good)).nextAt);
    await eventually(async () => expect(await pauses()).toEqual([2_000]));
    await enqueue({ when: EVERY_SECOND }, bad.uuid);
    const time = secondsAgo(2);
    await setDue(badId, time);
    expect(await pauses()).toEqual([]);
    expect(await firingsOf(badId)).toContainEqual(time);
  });

  it('that are updated fire at no time at which they have fired, whatever the clock of the gateway says', async () => {
    const command = await enqueue({ when: EVERY_SECOND });
    const { id } = await commandOf(command);
    // a clock that is a minute behind has not come to it
    const fired = secondsAgo(-60);
    await setDue(id, secondsAgo(1));
    await fire();
    await engine.query(`UPDATE run SET due_at = $2 WHERE command_id = $1`, [id, fired]);
    await enqueue({ when: EVERY_SECOND }, command.uuid);
    expect((await commandOf(command)).nextAt!.getTime()).toBe(fired.getTime() + 1_000);
  });

  it('have all retries at each firing, but none after one of their executions was stopped', async () => {
    const command = await enqueue({ when: EVERY_SECOND, retries: 2 });
    const { id } = await commandOf(command);
    await engine.query(`UPDATE command SET retry_count = 2 WHERE id = $1`, [id]);
    await setDue(id, secondsAgo(3));
    await fire();
    expect((await commandOf(command)).retryCount).toBe(0);
    const [run] = await engine.stores.runs.ofCommand(id, 0, 1);
    await engine.get(StopRun).run('group', command.uuid, run!.uuid);
    await setDue(id, secondsAgo(2));
    await fire();
    expect((await commandOf(command)).retryCount).toBe(3);
    await enqueue({ when: EVERY_SECOND, retries: 2 }, command.uuid);
    expect((await commandOf(command)).retryCount).toBe(0);
  });

  it('keep a run of which something is still to be sent, however few they keep', async () => {
    const hook = { url: 'http://hooks.example/', headers: {}, retries: 0 };
    const command = await enqueue({ retries: 1, keptRuns: 1, webhooks: { ...nothing, fails: [hook] } });
    const { id, laneId } = await commandOf(command);
    const [first] = await engine.stores.runs.open(id);
    expect(await admit(laneId)).toBe(1);
    await end(first!.jobId, 'failed');
    expect(await engine.stores.runs.open(id)).toHaveLength(1);
    expect(
      await engine.query(`SELECT d.event FROM delivery d JOIN job j ON j.id = d.job_id WHERE d.state = 'pending'`),
    ).toEqual([{ event: 'fails' }]);
  });

  it('of one group pass its limit in no farm', async () => {
    const commands = [];
    for (let n = 0; n < 3; n += 1) commands.push(await commandOf(await enqueue({ groupLimit: 1 })));
    const { laneId } = commands[0]!;
    await engine.query(`UPDATE lane SET max_running = 5 WHERE id = $1`, [laneId]);
    const { id: nextFarm } = await engine.stores.lanes.ensure('containers/next', 5);
    expect(await admit(laneId)).toBe(1);
    const [moved] = await engine
      .query<{ id: string }>(`UPDATE job SET lane_id = $1 WHERE state = 'started' RETURNING id`, [nextFarm])
      .then(([rows]) => rows as unknown as { id: string }[]);
    expect(await admit(laneId)).toBe(0);
    await end(moved!.id, 'succeeded');
    expect(await admit(laneId)).toBe(1);
  });

  it('say the end of what they wrote, in whole pieces', async () => {
    const piece = 'ä'.repeat(50);
    await engine.query(
      `INSERT INTO run_output (job_id, seq, stream, bytes, text)
       SELECT job, n, CASE WHEN n % 2 = 0 THEN 'stdout' ELSE 'stderr' END, 100, $1 || n FROM generate_series(11, 30) AS n, unnest(ARRAY[1, 2]) AS job`,
      [piece],
    );
    // 151 bytes of text begin in the second piece from the end
    const ends = await engine.stores.runOutput.ends(['1', '2', '3'], 151);
    const expected = {
      stdout: { octets: 10 * 102, text: `${piece}28${piece}30` },
      stderr: { octets: 10 * 102, text: `${piece}27${piece}29` },
    };
    const nothing = { octets: 0, text: '' };
    expect([...ends]).toEqual([
      ['1', expected],
      ['2', expected],
      ['3', { stdout: nothing, stderr: nothing }],
    ]);
  });

  it('show of their webhooks what was taken and the last three tries that were not, in a list shortly', async () => {
    const command = await enqueue();
    const { id, clientId, uuid } = await commandOf(command);
    const { jobId } = (await engine.stores.runs.open(id))[0]!;
    const body = 'é'.repeat(20_000);
    const [delivery] = await engine.stores.deliveries.insert([
      {
        ...{ clientId, jobId, taskId: '0', event: 'fails', verifyTls: true, kind: 'webhook', headers: {} },
        ...{ url: 'http://hooks.example/', maxAttempts: 7, body },
      },
    ]);
    await engine.query(
      `INSERT INTO delivery_attempt (delivery_id, number, status, error, milliseconds, at)
       SELECT $1, n, 100 + n, CASE WHEN n <> 2 THEN 'no' END, 1, now() + make_interval(secs => n) FROM generate_series(1, 7) AS n`,
      [delivery!.id],
    );
    const read = engine.get(ReadCommands);
    const bodies = (views: RunView[]) =>
      views[0]!.webhookTries.map(({ status, request }) => [status, request.body.length, request.omitted]);
    expect(bodies([(await read.lastRun('group', uuid))!])).toEqual([
      [102, 0, 0],
      [105, 20_000, 0],
      [106, 20_000, 0],
      [107, 20_000, 0],
    ]);
    expect(bodies(await read.runs('group', uuid, 1, 20))).toEqual([
      [102, 0, 0],
      [105, 16_384, 3_616],
      [106, 16_384, 3_616],
      [107, 16_384, 3_616],
    ]);
  });

  describe('that wrote much', () => {
    const PIECE = 60_000;
    /** Runs of one command, the newest last, which have written so many pieces each to stdout. */
    const written = async (...pieces: number[]): Promise<{ uuid: string; jobIds: string[] }> => {
      const { uuid } = await enqueue();
      const { id } = (await engine.stores.commands.find('group', uuid))!;
      for (let n = 1; n < pieces.length; n += 1)
        await engine.query(
          `INSERT INTO run (job_id, uuid, command_id, cause, image, command, created_at)
           SELECT -$1::bigint, gen_random_uuid(), $2, 'retry', 'x', 'x', now() - make_interval(hours => $1::int)`,
          [pieces.length - n, id],
        );
      const jobIds = (await engine.stores.runs.ofCommand(id, 0, 100)).map(({ jobId }) => jobId).reverse();
      for (const [n, jobId] of jobIds.entries())
        await engine.query(
          `INSERT INTO run_output (job_id, seq, stream, bytes, text)
           SELECT $1, n, 'stdout', $3, repeat(chr(64 + n % 60), $3) FROM generate_series(1, $2) AS n`,
          [jobId, pieces[n], PIECE],
        );
      await engine.query(`UPDATE run SET started_at = created_at WHERE command_id = $1`, [id]);
      return { uuid, jobIds };
    };
    const text = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, n) => String.fromCharCode(64 + ((from + n) % 60)).repeat(PIECE)).join(
        '',
      );
    const partsOf = async (output: string | LongText) => {
      const parts: string[] = [];
      if (output instanceof LongText) for await (const part of output.parts()) parts.push(part);
      return parts;
    };
    const read = () => engine.get(ReadCommands);

    it('are read in parts, whole', async () => {
      const { uuid } = await written(50);
      const { stdout, stderr, omitted } = (await read().lastRun('group', uuid))!;
      expect((stdout as LongText).bytes).toBe(50 * PIECE);
      const parts = await partsOf(stdout);
      expect(parts.join('') === text(1, 50)).toBe(true);
      expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(3 * PIECE);
      expect([stderr, omitted]).toEqual(['', { stdout: 0, stderr: 0 }]);
    });

    it('are read by many at once, and others need not wait for them', async () => {
      const { uuid } = await written(...Array.from({ length: 50 }, () => 4));
      const listed = await read().runs('group', uuid, 1, 50);
      const reading = listed.map(async ({ stdout }) => (await partsOf(stdout)).join(''));
      const { master } = engine.get(Database).dataSource.driver as unknown as { master: { waitingCount: number } };
      await read().command('group', uuid);
      expect(master.waitingCount).toBe(0);
      for (const whole of await Promise.all(reading)) expect(whole === text(1, 4)).toBe(true);
    });

    it('are read once for those who are at the same place', async () => {
      const { uuid } = await written(50);
      const { stdout } = (await read().lastRun('group', uuid))!;
      const { runOutput } = engine.stores;
      const after = jest.spyOn(runOutput, 'after');
      const readers = Array.from({ length: 20 }, async () => (await partsOf(stdout)).join(''));
      for (const whole of await Promise.all(readers)) expect(whole === text(1, 50)).toBe(true);
      expect(after.mock.calls.length).toBeLessThan(100);
    });

    it('are not taken for whole when they are deleted meanwhile', async () => {
      const { uuid, jobIds } = await written(50);
      const { stdout } = (await read().lastRun('group', uuid))!;
      const parts = (stdout as LongText).parts()[Symbol.asyncIterator]();
      await parts.next();
      await engine.query(`DELETE FROM run_output WHERE job_id = $1`, [jobIds[0]]);
      await expect(parts.next()).rejects.toThrow('deleted');
    });

    it('are listed whole, the newest first, up to 16 MB, and then with their ends', async () => {
      const { uuid } = await written(1, 100, 150, 150);
      const listed = await read().runs('group', uuid, 1, 20);
      expect(listed.map(({ omitted }) => omitted.stdout)).toEqual([0, 148 * PIECE, 0, 0]);
      const [newest, cut, older, short] = listed.map(({ stdout }) => stdout);
      expect((await partsOf(newest!)).join('') === text(1, 150)).toBe(true);
      expect(cut === text(149, 150)).toBe(true);
      expect((await partsOf(older!)).join('') === text(1, 100)).toBe(true);
      expect(short === text(1, 1)).toBe(true);
    });
  });
});
