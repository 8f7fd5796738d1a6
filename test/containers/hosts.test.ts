import { freePort } from '../../scripts/local/ports';
import { DockerRuntime, dockerAnswers } from '../../apps/task-worker/src/executors/container/docker/docker-runtime';
import { HostUnreachable, NoHostAvailable } from '../../apps/task-worker/src/executors/container/runtime';
import { eventually } from '../support/eventually';
import { describeWithEngine } from './support/container-tests';
import { SilentServer } from './support/image-registry';
import { MemoryHostRegistry } from './support/memory-host-registry';
import { begin, installation, NEVER, runToEnd, runtimeOn, specOf } from './support/runs';
import { makeCertificates } from './support/test-certificates';
import { TestEngine } from './support/test-engine';

const spec = specOf('true');

describeWithEngine('the host of a run', () => {
  let engine: TestEngine;
  let other: TestEngine;
  let dead: string;
  beforeAll(async () => {
    [engine, other] = await Promise.all([TestEngine.start({ tcp: true }), TestEngine.start()]);
    dead = `127.0.0.1:${await freePort()}`;
  });
  afterAll(() => Promise.all([engine?.stop(), other?.stop()]));

  const fails = (runtime: DockerRuntime, times: number) =>
    Array.from({ length: times }).reduce<Promise<void>>(
      (before) => before.then(() => expect(runtime.prepare(spec, NEVER)).rejects.toThrow(HostUnreachable)),
      Promise.resolve(),
    );

  it('is any of its farm', async () => {
    const runtime = runtimeOn([engine.host, other.host]);
    const chosen = new Set<string>();
    await eventually(async () => chosen.add((await runtime.prepare(spec, NEVER)).host).size === 2);
    expect(chosen).toEqual(new Set([engine.host, other.host]));
  });

  it('is shown by its name and port, or by its socket and port 0, and found again by them', async () => {
    for (const [name, host, port] of [
      [engine.tcpHost, '127.0.0.1', Number(engine.tcpHost.split(':')[1])],
      [engine.host, engine.host, 0],
    ] as const) {
      const runtime = runtimeOn([name]);
      const { place, exit } = await runToEnd(runtime, specOf('true'));
      expect(place).toEqual({ host, port, containerId: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(exit.exitCode).toBe(0);
      await runtime.remove(place);
    }
  });

  it("is the configured one, whatever the worker's environment says to other clients of Docker", async () => {
    const environment = { DOCKER_HOST: 'tcp://127.0.0.1:1/prefix', DOCKER_TLS_VERIFY: '1', DOCKER_PATH_PREFIX: '/x/' };
    Object.assign(process.env, environment);
    try {
      for (const host of [engine.host, engine.tcpHost]) expect(await dockerAnswers(host)).toBe(true);
    } finally {
      for (const name of Object.keys(environment)) delete process.env[name];
    }
  });

  it('is one of the first farm that is for its group', async () => {
    const runtime = new DockerRuntime({
      farms: [
        { match: 'video', hosts: [other.host], maxRunning: 1 },
        { match: '', hosts: [engine.host], maxRunning: 1 },
      ],
      registry: new MemoryHostRegistry(),
      installation,
    });
    const hostOf = async (group: string) => (await runtime.prepare({ ...spec, group }, NEVER)).host;
    expect([await hostOf('videos'), await hostOf('my-video')]).toEqual([other.host, engine.host]);
  });

  it('is another of the farm, or one of the next, when it does not answer', async () => {
    const registry = new MemoryHostRegistry();
    const sameFarm = runtimeOn([dead, engine.host], { registry });
    await eventually(async () => {
      expect((await sameFarm.prepare(spec, NEVER)).host).toBe(engine.host);
      return registry.failures(dead) > 0;
    });

    const farms = [[dead], [engine.host]].map((hosts) => ({ match: '', hosts, maxRunning: 1 }));
    const nextFarm = new DockerRuntime({ farms, registry, installation });
    expect((await nextFarm.prepare(spec, NEVER)).host).toBe(engine.host);
    // With its circuit open too.
    await eventually(async () => {
      await nextFarm.prepare(spec, NEVER);
      return registry.failures(dead) >= 5;
    });
    expect((await nextFarm.prepare(spec, NEVER)).host).toBe(engine.host);
    expect(registry.failures(dead)).toBe(5);
  });

  it('is none that is blacklisted, but what runs there goes on', async () => {
    const registry = new MemoryHostRegistry();
    const runtime = runtimeOn([engine.host], { registry });
    const running = specOf('sleep 60');
    const place = await begin(runtime, running);
    registry.blacklist.add(engine.host);
    const failure: unknown = await runtime.prepare({ ...spec, group: 'films' }, NEVER).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoHostAvailable);
    expect((failure as NoHostAvailable).message).toBe('Failed to find a docker host for task id films.');
    expect((failure as NoHostAvailable).forNow).toBe(false);
    expect(await runtime.hosts()).toEqual([
      {
        host: engine.host,
        port: 0,
        available: false,
        blacklisted: true,
        circuit: 'closed',
        error: 'server is blacklisted',
      },
    ]);
    expect(await runtime.find(running, undefined)).toEqual(place);
    await runtime.stop(place, 0);
    await runtime.remove(place);
  });

  it('is none when no farm is for its group', async () => {
    const farms = [{ match: 'video', hosts: [engine.host], maxRunning: 1 }];
    const runtime = new DockerRuntime({ farms, registry: new MemoryHostRegistry(), installation });
    await expect(runtime.prepare(spec, NEVER)).rejects.toMatchObject({ name: 'NoHostAvailable', forNow: false });
  });

  it('is left alone after five failures, and one process tries it again after a while', async () => {
    const registry = new MemoryHostRegistry(500);
    const messages: string[] = [];
    const runtime = runtimeOn([dead], { registry, log: (message) => messages.push(message) });
    await fails(runtime, 5);
    // Said once, not with every look.
    expect(messages).toEqual([expect.stringMatching(/^Docker host 127.*ECONNREFUSED/)]);
    await expect(runtime.prepare(spec, NEVER)).rejects.toMatchObject({ name: 'NoHostAvailable', forNow: true });
    expect(registry.failures(dead)).toBe(5);

    await eventually(async () => (await registry.states([dead]))[0]?.circuit === 'half-open');
    const tries = await Promise.allSettled([1, 2, 3].map(() => runtime.prepare(spec, NEVER)));
    const names = tries.map((each) => (each.status === 'rejected' ? (each.reason as Error).name : 'prepared'));
    expect(names.sort()).toEqual(['HostUnreachable', 'NoHostAvailable', 'NoHostAvailable']);
    expect((await registry.states([dead]))[0]?.circuit).toBe('open');
  });

  it('is used again when its trial succeeds', async () => {
    const registry = new MemoryHostRegistry(200);
    for (let failure = 0; failure < 5; failure += 1) await registry.failed(engine.host, 'gone');
    const runtime = runtimeOn([engine.host], { registry });
    await expect(runtime.prepare(spec, NEVER)).rejects.toThrow(NoHostAvailable);
    await eventually(async () => (await runtime.prepare(spec, NEVER)).host === engine.host);
    expect((await registry.states([engine.host]))[0]?.circuit).toBe('closed');
    expect(registry.failures(engine.host)).toBe(0);
  });

  it('is shown as it is, those that are available first', async () => {
    const registry = new MemoryHostRegistry(300);
    const silent = await SilentServer.start();
    const runtime = runtimeOn([dead, silent.name, engine.host, engine.tcpHost], { registry });
    const [host, port] = dead.split(':') as [string, string];
    const status = { blacklisted: false, circuit: 'closed', error: null };
    const began = Date.now();
    const first = await runtime.hosts();
    // They are asked at once, and have 2 s.
    expect(Date.now() - began).toBeLessThan(3500);
    expect(first).toEqual([
      { ...status, host: engine.host, port: 0, available: true },
      { ...status, host: '127.0.0.1', port: Number(engine.tcpHost.split(':')[1]), available: true },
      { ...status, host, port: Number(port), available: false, error: expect.stringContaining('ECONNREFUSED') },
      {
        ...status,
        host,
        port: Number(silent.name.split(':')[1]),
        available: false,
        error: expect.stringContaining('no answer within 2 s'),
      },
    ]);
    await silent.stop();

    const [only] = [runtimeOn([dead], { registry })];
    const seen = async () => {
      const [found] = await only.hosts();
      return [found?.available, found?.circuit, found?.error];
    };
    for (let failure = 1; failure < 4; failure += 1) await seen();
    expect(await seen()).toEqual([false, 'open', 'Failures threshold reached, circuit breaker opened']);
    expect(await seen()).toEqual([false, 'open', 'Timeout not elapsed yet, circuit breaker still open']);
    // The trial, without any run.
    await eventually(async () => (await seen())[2] === 'Failures threshold reached, circuit breaker opened');
    expect(await seen()).toEqual([false, 'open', 'Timeout not elapsed yet, circuit breaker still open']);
  });

  it('is shown also while nobody can say what is known about it', async () => {
    const broken = new MemoryHostRegistry();
    const away = () => Promise.reject(new Error('the database is away'));
    Object.assign(broken, { states: away, failed: away, succeeded: away, tryHalfOpen: away });
    const runtime = runtimeOn([engine.host, dead], { registry: broken });
    expect(await runtime.hosts()).toMatchObject([{ available: true }, { available: false }]);
  });

  it('knows its workers by their certificates where it wants any', async () => {
    const certificates = makeCertificates();
    const secured = await TestEngine.start({ tls: certificates });
    try {
      const { client } = certificates;
      const { exit, output } = await runToEnd(runtimeOn([secured.tcpHost], { tls: client }), specOf('echo secured'));
      expect([exit.exitCode, output.stdout]).toEqual([0, 'secured\n']);
      expect(await dockerAnswers(secured.tcpHost, client)).toBe(true);
      expect(await dockerAnswers(secured.tcpHost)).toBe(false);
      await expect(runtimeOn([secured.tcpHost]).prepare(spec, NEVER)).rejects.toThrow(HostUnreachable);
      const stranger = { ...makeCertificates().client, ca: client.ca };
      await expect(runtimeOn([secured.tcpHost], { tls: stranger }).prepare(spec, NEVER)).rejects.toThrow(
        HostUnreachable,
      );
      // Nor does a worker take any engine for its own.
      const { ca } = makeCertificates().client;
      await expect(runtimeOn([secured.tcpHost], { tls: { ...client, ca } }).prepare(spec, NEVER)).rejects.toThrow(
        HostUnreachable,
      );
    } finally {
      await secured.stop();
    }
  });

  it('can be asked whether it is there', async () => {
    expect(
      await Promise.all(
        [engine.host, engine.tcpHost, dead, 'unix:///no/such/socket', ''].map((each) => dockerAnswers(each)),
      ),
    ).toEqual([true, true, false, false, false]);
  });
});
