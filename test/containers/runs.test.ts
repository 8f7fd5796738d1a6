import { PullFailure, StartFailure } from '../../apps/task-worker/src/executors/container/runtime';
import { eventually } from '../support/eventually';
import { describeWithEngine } from './support/container-tests';
import { installation, begin, NEVER, runToEnd, runtimeOn, script, specOf, Taken } from './support/runs';
import { TestEngine } from './support/test-engine';
import { ENTRYPOINT_IMAGE, VOLUME_IMAGE } from './support/test-images';

const MEGABYTE = 1024 * 1024;

describeWithEngine('a run in a container', () => {
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

  const inspect = (containerId: string) => engine.docker.getContainer(containerId).inspect();

  describe('ends', () => {
    it.each([
      ['true', 0],
      ['exit 3', 3],
      ['exit 255', 255],
    ])('with the exit code of %s', async (text, exitCode) => {
      expect((await runToEnd(runtime, script(text))).exit).toEqual({ exitCode });
    });

    it('with 128 + n when signal n ended it', async () => {
      const place = await begin(runtime, script('sleep 60'));
      const waiting = runtime.wait(place, NEVER);
      await engine.docker.getContainer(place.containerId).kill({ signal: 'SIGKILL' });
      expect(await waiting).toEqual({ exitCode: 137 });
    });

    it('and says so however late it is asked', async () => {
      const { place } = await runToEnd(runtime, script('exit 7'));
      expect(await runtime.wait(place, NEVER)).toEqual({ exitCode: 7 });
      expect(await runtimeOn([engine.host]).wait(place, NEVER)).toEqual({ exitCode: 7 });
    });

    it('with a word about memory when it took more than it may', async () => {
      const memoryBytes = 16 * MEGABYTE;
      const { exit } = await runToEnd(runtime, specOf('tail /dev/zero', { memoryBytes }));
      expect(exit).toEqual({ exitCode: 137, error: `Killed: out of memory (limit ${memoryBytes} bytes)` });
    });

    it('with no word about memory when it was killed for another reason, or only a child was killed', async () => {
      const memoryBytes = 16 * MEGABYTE;
      const place = await begin(runtime, script('sleep 60', { memoryBytes }));
      await runtime.stop(place, 0);
      expect(await runtime.wait(place, NEVER)).toEqual({ exitCode: 137 });
      const { exit } = await runToEnd(runtime, script('tail /dev/zero; true', { memoryBytes }));
      expect(exit).toEqual({ exitCode: 0 });
    });

    it('without an exit code when its container is gone', async () => {
      const vanished = { exitCode: null, error: 'Job failed since container could not be found in docker host.' };
      const { place } = await runToEnd(runtime, script('true'));
      await runtime.remove(place);
      expect(await runtime.wait(place, NEVER)).toEqual(vanished);

      const running = await begin(runtime, script('sleep 60'));
      const waiting = runtime.wait(running, NEVER);
      await engine.docker.getContainer(running.containerId).remove({ force: true });
      // Its exit code, when the engine was quicker to say it than to forget it.
      expect([null, 137]).toContain((await waiting).exitCode);
    });
  });

  describe('is stopped', () => {
    const ready = async (text: string) => {
      const place = await begin(runtime, script(text));
      const output = new Taken();
      void runtime.follow(place, { stdout: 0, stderr: 0 }, output.take, NEVER).catch(() => undefined);
      await eventually(() => output.stdout.startsWith('ready'));
      return { place, output };
    };

    it('by TERM when it heeds that', async () => {
      const { place, output } = await ready('trap "echo bye; exit 143" TERM; echo ready; while :; do sleep 0.05; done');
      const began = Date.now();
      await runtime.stop(place, 30);
      expect(Date.now() - began).toBeLessThan(5000);
      expect(await runtime.wait(place, NEVER)).toEqual({ exitCode: 143 });
      await eventually(() => output.stdout === 'ready\nbye\n');
    });

    it('by KILL after the grace time when it does not', async () => {
      const { place } = await ready('trap "" TERM; echo ready; while :; do sleep 0.05; done');
      const began = Date.now();
      await runtime.stop(place, 1);
      expect(Date.now() - began).toBeGreaterThanOrEqual(950);
      expect((await inspect(place.containerId)).State.Running).toBe(false);
      expect(await runtime.wait(place, NEVER)).toEqual({ exitCode: 137 });
    });

    it('and removed also when it has ended, is running, or is gone', async () => {
      const { place } = await runToEnd(runtime, script('true'));
      await runtime.stop(place, 10);
      await runtime.remove(place);
      await runtime.stop(place, 10);
      await runtime.remove(place);
      const running = await begin(runtime, script('sleep 60'));
      await Promise.all([runtime.remove(running), runtime.remove(running)]);
      await eventually(async () => (await runtime.find(script('', { runId: 'none' }), running)) === undefined);
      await expect(inspect(running.containerId)).rejects.toThrow('no such container');
    });
  });

  describe('sees', () => {
    it('its environment, further hosts, and the words of its command', async () => {
      const spec = specOf(`sh -c 'env; grep -v localhost /etc/hosts; echo "$0|$1|$2"' 'a b' "c\\"d" $HOME`, {
        environment: { GREETING: 'grüße = "x" $HOME', EMPTY: '' },
        extraHosts: [
          ['db.example', '10.1.2.3'],
          ['six.example', '2001:db8::1'],
        ],
      });
      const { output } = await runToEnd(runtime, spec);
      const lines = output.stdout.split('\n');
      expect(lines).toEqual(expect.arrayContaining(['GREETING=grüße = "x" $HOME', 'EMPTY=', 'a b|c"d|$HOME']));
      expect(output.stdout).toMatch(/10\.1\.2\.3\s+db\.example/);
      expect(output.stdout).toMatch(/2001:db8::1\s+six\.example/);
    });

    it("its image's ENTRYPOINT before its command, and the image's CMD when it has none", async () => {
      const { output } = await runToEnd(runtime, specOf('one "two three"', { image: ENTRYPOINT_IMAGE }));
      expect(output.stdout).toBe('entry\none\ntwo three\n');
      const none = await runToEnd(runtime, specOf('  ', { image: ENTRYPOINT_IMAGE }));
      expect(none.output.stdout).toBe('entry\nfrom\nthe image\n');
    });

    it('the limits it was given, and no more processes than it may have', async () => {
      const spec = script('for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait', {
        memoryBytes: 32 * MEGABYTE,
        cpus: 0.5,
      });
      const small = runtimeOn([engine.host], { pidsLimit: 5 });
      const { place, output } = await runToEnd(small, spec);
      expect(output.stderr).toContain("can't fork");
      const { HostConfig } = await inspect(place.containerId);
      expect(HostConfig).toMatchObject({
        Memory: 32 * MEGABYTE,
        MemorySwap: 32 * MEGABYTE,
        NanoCpus: 500_000_000,
        PidsLimit: 5,
      });
    });
  });

  it('has no privileges, nothing of its host, and a bounded log, unless somebody says otherwise', async () => {
    const { place, output } = await runToEnd(runtime, script('grep NoNewPrivs /proc/self/status; ls /dev'));
    expect(output.stdout).toContain('NoNewPrivs:\t1');
    expect(output.stdout).not.toMatch(/^(vda|sda|mem|kmsg)$/m);
    const { HostConfig, Mounts, Name, Config } = await inspect(place.containerId);
    expect(Name).toMatch(/^\/fastlane-job-[0-9a-f-]{36}$/);
    expect(Config.Labels).toEqual({
      'task-engine.run': Name.slice('/fastlane-job-'.length),
      'task-engine.installation': await installation(),
    });
    expect(Mounts).toEqual([]);
    expect(HostConfig).toMatchObject({
      Privileged: false,
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 512,
      CapAdd: null,
      Binds: null,
      Devices: null,
      NetworkMode: 'none',
      PidMode: '',
      IpcMode: 'private',
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      LogConfig: { Type: 'local', Config: { 'max-size': '512m', 'max-file': '1', compress: 'false' } },
    });
  });

  describe('is not started', () => {
    const failed = async (spec: ReturnType<typeof specOf>) => {
      const host = await runtime.prepare(spec, NEVER);
      const failure: unknown = await runtime.start(spec, host).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StartFailure);
      // Nothing of it is left.
      expect(await engine.containers()).not.toContain(`fastlane-job-${spec.runId}`);
      return failure as StartFailure;
    };

    it.each([
      ['there is no such command', 'no-such-command --help', 127, /executable file not found in \$PATH/],
      ['there is no such file', '/no/such/file', 127, /no such file or directory/],
      ['its command may not be executed', '/bin/not-executable', 126, /permission denied/],
    ])('when %s', async (_, command, exitCode, message) => {
      const failure = await failed(specOf(command));
      expect(failure.exitCode).toBe(exitCode);
      expect(failure.message).toMatch(message);
    });

    it('when the quotes of its command are not balanced, or a limit is none', async () => {
      expect((await failed(specOf('sh -c "oops'))).message).toBe(
        'Unbalanced double quote at position 7 of the command.',
      );
      expect((await failed(specOf('true', { memoryBytes: 1 }))).message).toMatch(/memory/i);
      expect((await failed(specOf('true', { cpus: 1000 }))).message).toMatch(/CPU/);
    });

    it('when its image is unknown and cannot be pulled', async () => {
      for (const image of ['127.0.0.1:1/none:1', 'never/heard/of@sha256:'.concat('0'.repeat(64)), 'No Image', '']) {
        await expect(runtime.prepare(specOf('true', { image }), NEVER)).rejects.toThrow(PullFailure);
      }
    });
  });

  it('has one container, however often and by how many it is started', async () => {
    const spec = script('echo once; sleep 1');
    const others = [runtimeOn([engine.host]), runtimeOn([engine.host])];
    const host = await runtime.prepare(spec, NEVER);
    const places = await Promise.all([runtime, ...others].map((each) => each.start(spec, host)));
    places.push(await runtime.start(spec, host));
    expect(new Set(places.map(({ containerId }) => containerId)).size).toBe(1);
    await runtime.wait(places[0]!, NEVER);
    // Nor is it started again once it has ended.
    expect(await runtime.start(spec, host)).toEqual(places[0]);
    const output = new Taken();
    await runtime.follow(places[0]!, { stdout: 0, stderr: 0 }, output.take, NEVER);
    expect(output.stdout).toBe('once\n');
    expect((await engine.containers()).filter((name) => name.endsWith(spec.runId))).toHaveLength(1);
  });

  it('leaves nothing behind when it is removed, not even what its image calls a volume', async () => {
    const before = await engine.containers();
    const volumes = async () => (await engine.docker.listVolumes()).Volumes.length;
    const spec = specOf('touch /data/file', { image: VOLUME_IMAGE });
    const { place, exit } = await runToEnd(runtime, spec);
    expect(exit).toEqual({ exitCode: 0 });
    expect(await volumes()).toBe(1);
    expect(await runtime.all()).toContainEqual({ ...place, runId: spec.runId });
    const another = runtimeOn([engine.host], { installation: async () => 'another' });
    expect(await another.all()).toEqual([]);
    await runtime.remove(place);
    expect(await engine.containers()).toEqual(before);
    expect(await volumes()).toBe(0);
  });
});
