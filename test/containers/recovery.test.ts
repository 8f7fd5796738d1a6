import { setTimeout as delay } from 'node:timers/promises';
import { HostUnreachable } from '../../apps/task-worker/src/executors/container/runtime';
import { eventually } from '../support/eventually';
import { describeWithEngine } from './support/container-tests';
import { begin, NEVER, NOTHING, runtimeOn, script, Taken } from './support/runs';
import { TestEngine } from './support/test-engine';

/** Numbered lines, ten a second and more, in both streams, so that a lost or repeated byte shows. */
const COUNTING =
  'i=0; while [ $i -lt 25 ]; do i=$((i+1)); echo line $i; echo error $i >&2; sleep 0.05; done; printf end';

function counted(word: string): string {
  return Array.from({ length: 25 }, (_, index) => `${word} ${index + 1}\n`).join('');
}

describeWithEngine('after a failure', () => {
  let engine: TestEngine;
  beforeEach(async () => {
    engine = await TestEngine.start({ liveRestore: true });
  });
  afterEach(() => engine?.stop());

  it('of the worker, another finds the container and reads on, with no byte lost or repeated', async () => {
    const spec = script(COUNTING);
    const first = runtimeOn([engine.host]);
    const place = await begin(first, spec);
    const output = new Taken();
    const following = first.follow(place, NOTHING, output.take, NEVER);
    await eventually(() => output.stdout.includes('line 5\n'));
    await first.close();
    await expect(following).rejects.toThrow(HostUnreachable);

    const second = runtimeOn([engine.host]);
    // By what is known of it, without that, and by what another runtime had noted.
    const elsewhere = { host: 'worker-1', port: 0, containerId: '4711' };
    for (const known of [place, undefined, elsewhere]) expect(await second.find(spec, known)).toEqual(place);
    await second.follow(place, output.known, output.take, NEVER);
    expect(output.stdout).toBe(`${counted('line')}end`);
    expect(output.stderr).toBe(counted('error'));
    expect(await second.wait(place, NEVER)).toEqual({ exitCode: 0 });
    await second.remove(place);
    expect(await second.find(spec, place)).toBeUndefined();
  });

  it('of the engine, its container goes on and is read on when the engine is back', async () => {
    const runtime = runtimeOn([engine.host]);
    const place = await begin(runtime, script(COUNTING));
    const output = new Taken();
    const following = runtime.follow(place, NOTHING, output.take, NEVER);
    const waiting = runtime.wait(place, NEVER);
    await eventually(() => output.stdout.includes('line 5\n'));
    await Promise.all([
      engine.kill(),
      expect(following).rejects.toThrow(HostUnreachable),
      expect(waiting).rejects.toThrow(HostUnreachable),
    ]);
    const asked = [
      runtime.follow(place, output.known, output.take, NEVER),
      runtime.wait(place, NEVER),
      runtime.stop(place, 1),
      runtime.remove(place),
      runtime.find(script(''), undefined),
    ];
    await Promise.all(asked.map((each) => expect(each).rejects.toThrow(HostUnreachable)));
    expect(await runtime.all()).toEqual([]);

    await engine.launch();
    await runtime.follow(place, output.known, output.take, NEVER);
    expect(output.stdout).toBe(`${counted('line')}end`);
    expect(output.stderr).toBe(counted('error'));
    expect(await runtime.wait(place, NEVER)).toEqual({ exitCode: 0 });
  });

  it('of an engine that ends in order and leaves its containers running, following is no end of the output', async () => {
    const runtime = runtimeOn([engine.host]);
    const place = await begin(runtime, script('echo begun; sleep 60'));
    const output = new Taken();
    const following = runtime.follow(place, NOTHING, output.take, NEVER);
    await eventually(() => output.stdout === 'begun\n');
    await Promise.all([engine.shutDown(), expect(following).rejects.toThrow(HostUnreachable)]);
    await engine.launch();
    await runtime.stop(place, 0);
    expect(await runtime.wait(place, NEVER)).toEqual({ exitCode: 137 });
  });

  it('of an engine that hangs, nothing hangs with it', async () => {
    const limits = { pingSeconds: 0.3, requestSeconds: 1, quietSeconds: 0.3 };
    const runtime = runtimeOn([engine.host], { limits });
    const spec = script('echo begun; sleep 60');
    const place = await begin(runtimeOn([engine.host]), spec);
    const output = new Taken();
    const following = runtime.follow(place, NOTHING, output.take, NEVER);
    const waiting = runtime.wait(place, NEVER);
    // Silence of the command alone is no reason to give up.
    const settled = jest.fn();
    void following.catch(settled);
    void waiting.catch(settled);
    await eventually(() => output.stdout === 'begun\n');
    await delay(1000);
    expect(settled).not.toHaveBeenCalled();

    engine.suspend();
    const began = Date.now();
    const asked = [
      following,
      waiting,
      runtime.prepare(spec, NEVER),
      runtime.start(spec, place),
      runtime.find(spec, place),
      runtime.follow(place, NOTHING, output.take, NEVER),
      runtime.wait(place, NEVER),
      runtime.stop(place, 0),
      runtime.remove(place),
    ];
    await Promise.all(asked.map((each) => expect(each).rejects.toThrow(HostUnreachable)));
    expect(await runtime.all()).toEqual([]);
    expect(await runtime.hosts()).toMatchObject([{ available: false }]);
    expect(Date.now() - began).toBeLessThan(10_000);
    engine.resume();
    expect(await runtime.find(spec, place)).toEqual(place);
  });

  it('between making a container and starting it, the run has none, and starts once', async () => {
    const spec = script('echo once');
    const name = `fastlane-job-${spec.runId}`;
    const create = () =>
      engine.docker.createContainer({ name, Image: spec.image, Cmd: ['false'], HostConfig: { NetworkMode: 'none' } });
    const runtime = runtimeOn([engine.host]);

    // A worker that comes to the same host starts it.
    const left = await create();
    const place = await begin(runtime, spec);
    expect(place.containerId).toBe(left.id);
    expect(await runtime.wait(place, NEVER)).toEqual({ exitCode: 1 });
    await runtime.remove(place);

    // One that asks first, and may then choose another host, finds none and leaves none.
    await create();
    expect(await runtime.find(spec, undefined)).toBeUndefined();
    expect(await engine.containers()).toEqual([]);

    // Unless somebody is just about to start it.
    const other = await create();
    const finding = runtime.find(spec, undefined);
    await delay(300);
    await other.start();
    const found = await finding;
    expect(found?.containerId).toBe(other.id);
  });

  it('no connection, timer or listener is left', async () => {
    const resources = () =>
      process.getActiveResourcesInfo().filter((name) => /Pipe|TCP|Timeout|GetAddrInfo|Immediate/.test(name));
    const before = resources();
    const runtime = runtimeOn([engine.host]);
    const stopping = new AbortController();
    const listening = jest.spyOn(stopping.signal, 'addEventListener');
    const leaving = jest.spyOn(stopping.signal, 'removeEventListener');
    const spec = script('echo begun; sleep 60');
    const place = await runtime.start(spec, await runtime.prepare(spec, stopping.signal));
    const following = runtime.follow(place, NOTHING, () => undefined, stopping.signal);
    const waiting = runtime.wait(place, stopping.signal);
    await runtime.hosts();
    await runtime.stop(place, 0);
    await Promise.all([following, waiting]);
    await runtime.remove(place);
    expect(listening.mock.calls.length).toBeGreaterThan(5);
    expect(leaving.mock.calls.length).toBe(listening.mock.calls.length);
    // An idle connection that Node keeps for later is no resource that keeps it alive; the kernel sees it.
    await eventually(() => resources().length <= before.length && engine.connections() === 0, { timeout: 2000 });
    await runtime.close();
  });
});
