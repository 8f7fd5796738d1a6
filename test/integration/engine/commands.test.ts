import {
  AdmitJobs,
  type CommandRequest,
  EnqueueCommand,
  type EnqueuedCommand,
  FireCommands,
  StopRun,
} from '@task-engine/engine';
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

  it('fire although one of them cannot', async () => {
    const [bad, good] = [await enqueue({ when: EVERY_SECOND }), await enqueue({ when: EVERY_SECOND })];
    const [{ id: badId }, { id: goodId }] = [await commandOf(bad), await commandOf(good)];
    await engine.query(`UPDATE command SET request = jsonb_set(request, '{cron}', '"never"') WHERE id = $1`, [badId]);
    const time = secondsAgo(5);
    await setDue(badId, secondsAgo(6));
    await setDue(goodId, time);
    await expect(fire()).rejects.toThrow('never');
    expect(await firingsOf(badId)).toEqual([]);
    expect(await firingsOf(goodId)).toContainEqual(time);
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
});
