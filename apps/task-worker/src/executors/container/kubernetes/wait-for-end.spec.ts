import { HostUnreachable, type Place } from '../runtime';
import type { KubernetesRuntime } from './kubernetes-runtime';
import {
  completeJobStatus,
  drained,
  evicted,
  evictionMessage,
  failedJobStatus,
  forbidden,
  type Json,
  noSuchProgram,
  running,
  startError,
  statusOf,
  terminated,
} from './recorded-shapes.fixture';
import { Bench, POD, RUN_ID, until } from './runtime.fixture';

let bench: Bench;
let runtime: KubernetesRuntime;
let place: Place;

const never = new AbortController().signal;
const PODS = /\/pods$/;
const ONE_POD = new RegExp(`/pods/${POD}$`);
const JOB = `fastlane-job-${RUN_ID}`;

beforeEach(async () => {
  bench = new Bench();
  runtime = await bench.runtime();
  place = bench.runningPod();
});

afterEach(() => bench.end());

/** What happens while the wait is under way. */
async function exitAfter(happening: () => void): Promise<unknown> {
  const result = runtime.wait(place, never);
  await until(() => bench.cluster['watchers'].size > 0);
  happening();
  return result;
}

function limitMemory(limit: string): void {
  const pod = bench.cluster.pods.get(POD)!;
  const [command] = pod.spec.containers;
  bench.cluster.setPod({
    ...pod,
    spec: { ...pod.spec, containers: [{ ...command, resources: { limits: { memory: limit } } }] },
  });
}

function deleteBy(deletionTimestamp: string, status: Json): void {
  const pod = bench.cluster.pods.get(POD)!;
  bench.cluster.setPod({
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: 10 },
    status,
  });
}

const soon = () => new Date(Date.now() + 10_000).toISOString();
const longAgo = () => new Date(Date.now() - 120_000).toISOString();

describe('the end of a command in Kubernetes', () => {
  it.each([0, 3])('has exit code %i', async (exitCode) => {
    expect(await exitAfter(() => bench.cluster.setStatus(POD, terminated(exitCode)))).toEqual({ exitCode });
  });

  it('is known of a pod that has ended before', async () => {
    bench.cluster.setStatus(POD, terminated(7));
    expect(await runtime.wait(place, never)).toEqual({ exitCode: 7 });
  });

  it.each([
    ['134217728', 134_217_728],
    ['128M', 128_000_000],
    ['128Mi', 134_217_728],
    ['1500k', 1_500_000],
  ])('for want of memory says so, with the limit %s in bytes', async (limit, bytes) => {
    limitMemory(limit);
    bench.cluster.setStatus(POD, terminated(137, { reason: 'OOMKilled' }));
    expect(await runtime.wait(place, never)).toEqual({
      exitCode: 137,
      error: `Killed: out of memory (limit ${bytes} bytes)`,
    });
  });

  it('for want of memory of its node says so without a limit', async () => {
    bench.cluster.setStatus(POD, terminated(137, { reason: 'OOMKilled' }));
    expect(await runtime.wait(place, never)).toEqual({ exitCode: 137, error: 'Killed: out of memory' });
  });

  it('by an eviction says so, and does not take the made-up exit code for one', async () => {
    bench.cluster.setStatus(POD, evicted());
    expect(await runtime.wait(place, never)).toEqual({ exitCode: null, error: `Evicted: ${evictionMessage}` });
  });

  it('with its node being drained says so', async () => {
    bench.cluster.setStatus(POD, drained());
    expect(await runtime.wait(place, never)).toEqual({
      exitCode: 143,
      error: 'EvictionByEvictionAPI: Eviction API: evicting',
    });
  });

  it('with its node being shut down says so', async () => {
    const said = 'Pod was terminated in response to imminent node shutdown.';
    bench.cluster.setStatus(POD, terminated(143, {}, { reason: 'Terminated', message: said }));
    expect(await runtime.wait(place, never)).toEqual({ exitCode: 143, error: `Terminated: ${said}` });
  });

  it('before its beginning says why', async () => {
    bench.cluster.setStatus(POD, startError(noSuchProgram));
    expect(await runtime.wait(place, never)).toEqual({ exitCode: 127, error: `StartError: ${noSuchProgram}` });
  });

  it('is seen although the watch breaks off in between', async () => {
    const result = runtime.wait(place, never);
    await until(() => bench.cluster['watchers'].size > 0);
    for (const { response } of bench.cluster['watchers']) response.destroy();
    bench.cluster.setStatus(POD, terminated(4));
    expect(await result).toEqual({ exitCode: 4 });
  });

  it('is seen although the server will not watch from so long ago', async () => {
    const end = bench.cluster.intercept(({ query }, response) => {
      if (query.get('watch') !== 'true') return false;
      end();
      const gone = statusOf(410, 'Expired', 'too old resource version: 1001 (5123)');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
      bench.cluster.setStatus(POD, terminated(5));
      return true;
    });
    expect(await runtime.wait(place, never)).toEqual({ exitCode: 5 });
  });

  it('is seen on a connection that says nothing any more', async () => {
    runtime = await bench.runtime({ limits: { watchSeconds: 0.2 } });
    bench.cluster.intercept(({ query }) => query.get('watch') === 'true');
    const result = runtime.wait(place, never);
    await until(() => bench.cluster.requests('GET', PODS).length >= 2);
    bench.cluster.setStatus(POD, terminated(6));
    expect(await result).toEqual({ exitCode: 6 });
  });

  it('is not waited for any longer than the signal lets', async () => {
    runtime = await bench.runtime({ limits: { watchSeconds: 60 } });
    const leaving = new AbortController();
    const result = runtime.wait(place, leaving.signal);
    await until(() => bench.cluster['watchers'].size > 0);
    leaving.abort(new Error('the lease is over'));
    await expect(result).rejects.toThrow('the lease is over');
    await until(() => bench.cluster['watchers'].size === 0);
  });
});

describe('a pod that goes away while its command runs', () => {
  it('has its exit code, and was deleted', async () => {
    const exit = await exitAfter(() => {
      deleteBy(soon(), running());
      deleteBy(soon(), terminated(143));
      bench.cluster.removePod(POD);
    });
    expect(exit).toEqual({ exitCode: 143, error: 'The pod was deleted.' });
  });

  it('has none when the API forgets it before its node has ended it', async () => {
    const exit = await exitAfter(() => bench.cluster.removePod(POD));
    expect(exit).toEqual({ exitCode: null, error: 'The pod was deleted.' });
  });

  it('may be deleted by its Job, whose time is over', async () => {
    bench.cluster.jobs.get(JOB)!.status = failedJobStatus(
      'DeadlineExceeded',
      'Job was active longer than specified deadline',
    );
    deleteBy(soon(), terminated(143));
    expect(await runtime.wait(place, never)).toEqual({
      exitCode: 143,
      error: 'DeadlineExceeded: Job was active longer than specified deadline',
    });
  });

  it('is given up when its node should have ended it long ago and does not say so', async () => {
    deleteBy(longAgo(), running());
    expect(await runtime.wait(place, never)).toEqual({
      exitCode: null,
      error: 'The pod was deleted, and its node worker-node-2 does not answer.',
    });
  });

  it('is waited for while its node may still be ending it', async () => {
    deleteBy(soon(), running());
    expect(await exitAfter(() => deleteBy(soon(), terminated(0)))).toEqual({ exitCode: 0 });
  });

  it('has done its work when its Job has counted it', async () => {
    bench.cluster.removePod(POD);
    bench.cluster.jobs.get(JOB)!.status = completeJobStatus();
    expect(await runtime.wait(place, never)).toEqual({ exitCode: 0 });
  });

  it('has done its work although it was last seen at it', async () => {
    const exit = await exitAfter(() => {
      bench.cluster.pods.delete(POD);
      bench.cluster.jobs.get(JOB)!.status = completeJobStatus();
      for (const { response } of bench.cluster['watchers']) response.destroy();
    });
    expect(exit).toEqual({ exitCode: 0 });
  });

  it('has failed when its Job says so', async () => {
    bench.cluster.removePod(POD);
    bench.cluster.jobs.get(JOB)!.status = failedJobStatus('BackoffLimitExceeded', 'Job has reached its limit');
    expect(await runtime.wait(place, never)).toEqual({
      exitCode: null,
      error: 'The pod of the job is gone. BackoffLimitExceeded: Job has reached its limit',
    });
  });

  it('cannot be found when its Job is gone too', async () => {
    bench.cluster.removePod(POD);
    bench.cluster.jobs.clear();
    expect(await runtime.wait(place, never)).toEqual({
      exitCode: null,
      error: 'Job failed since container could not be found in kubernetes host.',
    });
  });
});

describe('stopping a command in Kubernetes', () => {
  const graceAsked = () =>
    bench.cluster.requests('DELETE', ONE_POD).map(({ query }) => query.get('gracePeriodSeconds'));

  it.each([143, 137])('deletes its pod and leaves the wait exit code %i', async (exitCode) => {
    bench.cluster.onPodDeleted = (name) => {
      setTimeout(() => {
        bench.cluster.setStatus(name, terminated(exitCode));
        bench.cluster.removePod(name);
      }, 100);
    };
    const result = runtime.wait(place, never);
    await until(() => bench.cluster['watchers'].size > 0);
    await runtime.stop(place, 10);
    expect(bench.cluster.pods.size).toBe(0);
    expect(await result).toEqual({ exitCode });
    expect(graceAsked()).toEqual(['10']);
  });

  it('resolves when the command has ended, not before', async () => {
    bench.cluster.onPodDeleted = () => undefined;
    let stopped = false;
    const stopping = runtime.stop(place, 10).then(() => (stopped = true));
    await until(() => graceAsked().length === 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(stopped).toBe(false);
    bench.cluster.setStatus(POD, terminated(143));
    await stopping;
  });

  it('leaves the wait an explanation when the exit code was never shown', async () => {
    bench.cluster.onPodDeleted = (name) => bench.cluster.removePod(name);
    const result = runtime.wait(place, never);
    await until(() => bench.cluster['watchers'].size > 0);
    await runtime.stop(place, 0);
    expect(await result).toEqual({
      exitCode: null,
      error: 'The pod was stopped, and gone before its exit code could be read.',
    });
  });

  it('never asks the API to forget a pod that its node has not ended', async () => {
    await runtime.stop(place, 0);
    expect(graceAsked()).toEqual(['1']);
  });

  it('leaves an ended pod and its log', async () => {
    bench.cluster.setStatus(POD, terminated(0));
    await runtime.stop(place, 10);
    expect(graceAsked()).toEqual([]);
    expect(bench.cluster.pods.has(POD)).toBe(true);
  });

  it('has nothing to do when the pod is gone', async () => {
    bench.cluster.removePod(POD);
    await runtime.stop(place, 10);
    expect(graceAsked()).toEqual([]);
  });

  it('tells when the API server goes away', async () => {
    bench.cluster.onPodDeleted = () => void bench.cluster.down();
    await expect(runtime.stop(place, 10)).rejects.toThrow(HostUnreachable);
  });
});

describe('an API server that goes away while an end is waited for', () => {
  it('is told, and the end is known when it is waited for again', async () => {
    const failure = runtime.wait(place, never).catch((error: unknown) => error);
    await until(() => bench.cluster['watchers'].size > 0);
    await bench.cluster.down();
    expect(await failure).toBeInstanceOf(HostUnreachable);
    await bench.cluster.up();
    bench.cluster.setStatus(POD, terminated(2));
    expect(await runtime.wait(place, never)).toEqual({ exitCode: 2 });
  });

  it('is as good as away when it refuses what it allowed before', async () => {
    bench.cluster.refuse('GET', PODS, forbidden('list', 'pods'));
    await expect(runtime.wait(place, never)).rejects.toMatchObject({
      name: 'HostUnreachable',
      message: expect.stringContaining('refused to list pods'),
    });
  });
});
