import { gunzipSync } from 'node:zlib';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { FastlaneClient, HTML, type Shown } from './fastlane-client';

const LENGTH = 15_000_000;
const STDERR = 300_000;
const OUT = 'x'.repeat(LENGTH);
const ERR = 'é'.repeat(STDERR / 2);
const FOLLOWERS = 20;

/** What a command wrote that is too much to be held for each who asks for it. */
describe('long outputs', () => {
  let suite: TestSuite;
  let api: FastlaneClient;
  let job: Shown;
  let execution: string;

  beforeAll(async () => {
    suite = await startSuite({ env: { FASTLANE_EXECUTOR: 'host' } });
    api = new FastlaneClient(suite.url);
    const script = `head -c ${LENGTH} /dev/zero | tr "\\\\0" x; yes é | head -n ${STDERR / 2} | tr -d "\\\\n" >&2`;
    job = await api.enqueue('long', { command: `sh -c '${script}'` });
    await api.reached(job, 'done');
    execution = `/tasks/long/jobs/${job.jobId}/executions/${job.executionId}/`;
  });

  afterAll(() => suite?.stop());

  it('are there as texts, whole, with their lengths', async () => {
    for (const [name, whole] of [
      ['stdout', OUT],
      ['stderr', ERR],
      ['logs', `${OUT}\n-=-\n${ERR}`],
    ] as const) {
      const { status, headers, text } = await api.get(`${execution}${name}/`);
      expect([status, headers['content-type'], headers['fastlane-exit-code']]).toEqual([200, HTML, '0']);
      expect(text === whole).toBe(true);
      expect(headers['content-length']).toBe(String(Buffer.byteLength(whole)));
      const head = await api.call('HEAD', `${execution}${name}/`);
      expect([head.headers['content-length'], head.text]).toEqual([headers['content-length'], '']);
    }
  });

  it('are in the answer about their execution, whole, packed for who wants it so', async () => {
    const plain = await api.get(execution);
    expect(plain.body.execution).toMatchObject({ status: 'done', exitCode: 0 });
    expect(plain.body.execution.log === OUT).toBe(true);
    expect(plain.body.execution.error === ERR).toBe(true);
    const packed = await api.get(execution, { headers: { 'accept-encoding': 'gzip' } });
    expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': 'application/json' });
    expect(gunzipSync(packed.bytes).equals(plain.bytes)).toBe(true);
    expect((await api.call('HEAD', execution)).text).toBe('');
  });

  it('reach followers in the messages that they are used to, at their pace', async () => {
    const [quick, slow] = [api.follow(`${execution}ws/`), api.follow(`${execution}ws/`)];
    await slow.opened;
    slow.socket.pause();
    expect(await quick.closed).toEqual({ code: 1010, reason: 'wsdone' });
    slow.socket.resume();
    expect(await slow.closed).toEqual({ code: 1010, reason: 'wsdone' });
    for (const { frames } of [quick, slow]) {
      expect(frames).toHaveLength(4);
      expect([frames[0], frames[2]]).toEqual(['EXIT CODE: 0\n', '\n-=-\n']);
      expect(frames[1] === OUT).toBe(true);
      expect(frames[3] === ERR).toBe(true);
    }
  });

  it('are not held for followers who do not read', async () => {
    const memory = async () =>
      Number(/^process_resident_memory_bytes\S* (\S+)/m.exec((await api.get('/metrics')).text)![1]);
    const before = await memory();
    const followers = Array.from({ length: FOLLOWERS }, () => api.follow(`${execution}ws/`));
    for (const { socket } of followers) socket.once('open', () => socket.pause());
    let most = 0;
    for (let turn = 0; turn < 10; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      most = Math.max(most, await memory());
    }
    for (const { socket } of followers) socket.terminate();
    expect(most - before).toBeLessThan((FOLLOWERS * LENGTH) / 3);
  });

  it('are in the answer about a job as far as a list can hold them, which says where the others are', async () => {
    for (let n = 0; n < 2; n += 1) {
      await api.post(`/tasks/long/jobs/${job.jobId}/retry/`);
      await api.reached(job, 'done');
    }
    const { executions } = await api.job(job);
    expect(executions).toHaveLength(3);
    expect(executions[0].log === OUT).toBe(true);
    for (const older of executions.slice(1)) {
      const [, left, url, end] = /^\[the first (\d+) bytes are left out here; all of it: (\S+)\]\n(.*)$/.exec(
        older.log,
      )!;
      expect(end!.length).toBeGreaterThan(65_535);
      expect(Number(left) + end!.length).toBe(LENGTH);
      expect((await api.get(new URL(url!).pathname)).text === OUT).toBe(true);
      expect(older.error === ERR).toBe(true);
    }
  }, 30_000);
});
