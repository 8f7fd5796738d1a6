import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { OutputStream } from '@task-engine/domain';
import { eventually } from '../support/eventually';
import { describeWithEngine } from './support/container-tests';
import { begin, NEVER, NOTHING, runToEnd, runtimeOn, script, specOf, Taken } from './support/runs';
import { TestEngine } from './support/test-engine';
import { IMAGE } from './support/test-images';

const MEGABYTE = 1024 * 1024;

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describeWithEngine('the output of a container', () => {
  let engine: TestEngine;
  let runtime: ReturnType<typeof runtimeOn>;
  beforeAll(async () => {
    engine = await TestEngine.start();
    runtime = runtimeOn([engine.host]);
  });
  afterAll(async () => {
    await runtime?.close();
    await engine?.stop();
  });

  it('comes in two streams', async () => {
    const { exit, output } = await runToEnd(runtime, script('echo one; echo two >&2; echo three'));
    expect(exit).toEqual({ exitCode: 0 });
    expect(output.stdout).toBe('one\nthree\n');
    expect(output.stderr).toBe('two\n');
  });

  it('comes while the command runs', async () => {
    const place = await begin(runtime, script('echo begun; until [ -e /tmp/go ]; do sleep 0.05; done; echo done'));
    const output = new Taken();
    const following = runtime.follow(place, NOTHING, output.take, NEVER);
    await eventually(() => output.stdout === 'begun\n');
    const exec = await engine.docker.getContainer(place.containerId).exec({ Cmd: ['touch', '/tmp/go'] });
    await exec.start({ Detach: true });
    await following;
    expect(output.stdout).toBe('begun\ndone\n');
  });

  it('keeps every byte, whether or not it is text', async () => {
    // 0 to 255, with the newline among them; then a lone byte of a longer character at the very end
    const octal = Array.from({ length: 256 }, (_, code) => `\\${code.toString(8).padStart(3, '0')}`).join('');
    const { output } = await runToEnd(runtime, specOf(`printf "${octal.replaceAll('\\', '\\\\')}"`));
    expect([...output.bytes('stdout')]).toEqual(Array.from({ length: 256 }, (_, code) => code));
  });

  it.each([
    ['nothing at all', 'true', ''],
    ['one line without its newline', 'printf abc', 'abc'],
    ['lines, the last without its newline', 'printf "a\\nb"', 'a\nb'],
    ['empty lines', 'printf "\\n\\n\\nx\\n\\n"', '\n\n\nx\n\n'],
  ])('is whole when it is %s', async (_, command, expected) => {
    // Followed from its start, and only after its end.
    for (let round = 0; round < 2; round += 1) {
      const { place, output } = await runToEnd(runtime, script(command));
      expect(output.stdout).toBe(expected);
      const late = new Taken();
      await runtime.follow(place, NOTHING, late.take, NEVER);
      expect(late.stdout).toBe(expected);
    }
  });

  it('is whole when it ends without a newline long after it began', async () => {
    const { output } = await runToEnd(runtime, script('echo a; sleep 1; printf b; printf c >&2'));
    expect([output.stdout, output.stderr]).toEqual(['a\nb', 'c']);
  });

  it('keeps lines that are longer than the engine stores them, and the characters in them', async () => {
    // 100,000 characters of three bytes, so that pieces of 16 KB end within one; and lines about as long as one or two pieces
    const long = 'yes € | head -n 100000 | tr -d "\\n"; echo';
    const exact = [16382, 16383, 16384, 16385, 32767, 32768, 32769].map(
      (length) => `head -c ${length} /dev/zero | tr "\\0" x; echo; echo ${length}`,
    );
    const { output } = await runToEnd(runtime, script([long, ...exact].join('; ')));
    const lines = [16382, 16383, 16384, 16385, 32767, 32768, 32769].map((n) => `${'x'.repeat(n)}\n${n}\n`);
    expect(sha256(output.stdout)).toBe(sha256(`${'€'.repeat(100_000)}\n${lines.join('')}`));
  });

  it('of 2 MB is handed over whole, and no faster than it is taken', async () => {
    const size = 2 * MEGABYTE;
    const place = await begin(
      runtime,
      script(`head -c ${size} /dev/urandom | tee /tmp/bytes | cat; sha256sum /tmp/bytes >&2`),
    );
    await runtime.wait(place, NEVER);
    const output = new Taken();
    let atOnce = 0;
    let most = 0;
    const calls: number[] = [];
    await runtime.follow(
      place,
      NOTHING,
      async (stream, bytes) => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        calls.push(bytes.length);
        // The first one is held up: if more were read meanwhile, it would come in one piece afterwards.
        await delay(calls.length === 1 ? 500 : 1);
        output.take(stream, bytes);
        atOnce -= 1;
      },
      NEVER,
    );
    expect(most).toBe(1);
    expect(Math.max(...calls)).toBeLessThanOrEqual(128 * 1024);
    expect(output.bytes('stdout').length).toBe(size);
    expect(output.stderr).toBe(`${sha256(output.bytes('stdout'))}  /tmp/bytes\n`);
  });

  it('of many runs at a time loses and repeats nothing', async () => {
    const runs = Array.from({ length: 8 }, (_, number) =>
      runToEnd(runtime, script(`for i in $(seq 500); do echo ${number}-$i; echo e${number}-$i >&2; done; printf end`)),
    );
    const lines = (start: string) => Array.from({ length: 500 }, (_, index) => `${start}-${index + 1}\n`).join('');
    for (const [number, { output }] of (await Promise.all(runs)).entries()) {
      expect(output.stdout).toBe(`${lines(String(number))}end`);
      expect(output.stderr).toBe(lines(`e${number}`));
    }
  });

  it('of a container with a terminal comes as one stream', async () => {
    const container = await engine.docker.createContainer({
      Image: IMAGE,
      Cmd: ['sh', '-c', 'echo one; sleep 0.3; echo two >&2'],
      Tty: true,
      HostConfig: { NetworkMode: 'none' },
    });
    await container.start();
    const output = new Taken();
    await runtime.follow({ host: engine.host, port: 0, containerId: container.id }, NOTHING, output.take, NEVER);
    expect([output.stdout, output.stderr]).toEqual(['one\r\ntwo\r\n', '']);
  });

  it('is handed over in parts that leave out what is known', async () => {
    const { place } = await runToEnd(runtime, script('echo 0123456789; echo abcdef >&2'));
    const output = new Taken();
    await runtime.follow(place, { stdout: 4, stderr: 7 }, output.take, NEVER);
    expect([output.stdout, output.stderr]).toEqual(['456789\n', '']);
  });

  it('is followed no further when its taker fails, and the taker hears of it', async () => {
    const place = await begin(runtime, script('yes'));
    const broken = new Error('the database is away');
    const follow = (take: () => void | Promise<void>) => runtime.follow(place, NOTHING, take, NEVER);
    await expect(follow(() => Promise.reject(broken))).rejects.toBe(broken);
    await expect(
      follow(() => {
        throw broken;
      }),
    ).rejects.toBe(broken);
    await runtime.stop(place, 0);
  });

  it.each(['silent', 'held up by its taker'])(
    'is followed no further when its signal aborts, %s or not',
    async (how) => {
      const place = await begin(runtime, script('echo begun; sleep 60'));
      const stopping = new AbortController();
      const taken: OutputStream[] = [];
      const following = runtime.follow(
        place,
        NOTHING,
        (stream) => {
          taken.push(stream);
          return how === 'silent' ? undefined : new Promise<void>(() => undefined);
        },
        stopping.signal,
      );
      const waiting = runtime.wait(place, stopping.signal);
      await eventually(() => taken.length === 1);
      const reason = new Error('the worker stops');
      stopping.abort(reason);
      await expect(following).rejects.toBe(reason);
      await expect(waiting).rejects.toBe(reason);
      await runtime.stop(place, 0);
    },
  );

  it('of a container that is gone is nothing', async () => {
    const { place } = await runToEnd(runtime, script('echo gone'));
    await runtime.remove(place);
    const output = new Taken();
    await runtime.follow(place, NOTHING, output.take, NEVER);
    expect(output.stdout).toBe('');
  });
});
