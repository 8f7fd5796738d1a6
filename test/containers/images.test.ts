import { PullFailure } from '../../apps/task-worker/src/executors/container/runtime';
import { describeWithEngine } from './support/container-tests';
import { ImageRegistry, SilentServer } from './support/image-registry';
import { MemoryHostRegistry } from './support/memory-host-registry';
import { NEVER, runToEnd, runtimeOn, specOf } from './support/runs';
import { TestEngine } from './support/test-engine';

describeWithEngine('an image', () => {
  let engine: TestEngine;
  let registry: ImageRegistry;
  beforeAll(async () => {
    engine = await TestEngine.start();
  });
  afterAll(() => engine?.stop());
  beforeEach(async () => {
    registry = await ImageRegistry.start();
  });
  afterEach(() => registry?.stop());

  const asks = async (work: () => Promise<unknown>) => {
    registry.asked.length = 0;
    await work();
    return registry.asked.length > 0;
  };

  it('that the host lacks is pulled, and the next run uses what is there', async () => {
    const runtime = runtimeOn([engine.host]);
    const spec = () => specOf('echo pulled', { image: `${registry.name}/team/tools:1` });
    let output = '';
    expect(await asks(async () => (output = (await runToEnd(runtime, spec())).output.stdout))).toBe(true);
    expect(output).toBe('pulled\n');
    expect(await asks(() => runtime.prepare(spec(), NEVER))).toBe(false);
  });

  it('without a tag is the latest, and one with a digest that and no other', async () => {
    const runtime = runtimeOn([engine.host]);
    const pulls = async (image: string) => {
      registry.asked.length = 0;
      await runtime.prepare(specOf('true', { image }), NEVER);
      return registry.asked;
    };
    expect(await pulls(`${registry.name}/plain`)).toContain('plain:latest');
    expect(await pulls(`${registry.name}/exact@${registry.digest}`)).toEqual([`exact:${registry.digest}`]);
    const both = `${registry.name}/both:3@${registry.digest}`;
    expect(await pulls(both)).toEqual([`both:${registry.digest}`]);
    expect((await runToEnd(runtime, specOf('echo ran', { image: both }))).output.stdout).toBe('ran\n');
  });

  it('is pulled for every run where the policy says so, and one that the host has runs while its registry is away', async () => {
    const spec = specOf('true', { image: `${registry.name}/tools:2` });
    const said: string[] = [];
    const always = runtimeOn([engine.host], { pullPolicy: 'always', log: (message) => said.push(message) });
    for (let run = 0; run < 2; run += 1) expect(await asks(() => always.prepare(spec, NEVER))).toBe(true);
    registry.forget('tools');
    await expect(always.prepare(spec, NEVER)).rejects.toThrow(PullFailure);
    await registry.stop();
    await always.prepare(spec, NEVER);
    expect(said).toEqual([expect.stringContaining(`${spec.image} as the host has it`)]);
    await expect(always.prepare(specOf('true', { image: `${registry.name}/other:1` }), NEVER)).rejects.toThrow(
      PullFailure,
    );
    await runtimeOn([engine.host], { pullPolicy: 'missing' }).prepare(spec, NEVER);
    await runtimeOn([engine.host], { pullPolicy: 'never' }).prepare(spec, NEVER);
  });

  it('is never pulled where the policy says so', async () => {
    const never = runtimeOn([engine.host], { pullPolicy: 'never' });
    const spec = specOf('true', { image: `${registry.name}/tools:3` });
    expect(await asks(() => expect(never.prepare(spec, NEVER)).rejects.toThrow(PullFailure))).toBe(false);
  });

  it('that its registry does not have is no fault of the host', async () => {
    const hostRegistry = new MemoryHostRegistry();
    const runtime = runtimeOn([engine.host], { registry: hostRegistry });
    const failure: unknown = await runtime
      .prepare(specOf('true', { image: `${registry.name}/missing:1` }), NEVER)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PullFailure);
    expect((failure as Error).message).toMatch(/manifest.*unknown|not found/);
    await registry.stop();
    await expect(runtime.prepare(specOf('true', { image: `${registry.name}/tools:9` }), NEVER)).rejects.toThrow(
      PullFailure,
    );
    expect(hostRegistry.failures(engine.host)).toBe(0);
  });

  it('is not waited for after its run was stopped', async () => {
    const stopping = new AbortController();
    const runtime = runtimeOn([engine.host]);
    // Takes connections, and does not answer.
    const silent = await SilentServer.start();
    const preparing = runtime.prepare(specOf('true', { image: `${silent.name}/tools:1` }), stopping.signal);
    await silent.asked;
    const reason = new Error('stopped by its client');
    stopping.abort(reason);
    await expect(preparing).rejects.toBe(reason);
    await silent.stop();
  });
});
