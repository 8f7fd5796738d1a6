import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostUnreachable, NoHostAvailable, PullFailure } from '../runtime';
import { send } from './cluster.fixture';
import { KubernetesRuntime } from './kubernetes-runtime';
import {
  creating,
  failedJobStatus,
  forbidden,
  running,
  startError,
  statusOf,
  terminated,
  noSuchProgram,
} from './recorded-shapes.fixture';
import { aSpec, Bench, INSTALLATION, kubeconfig, POD, RUN_ID, until } from './runtime.fixture';

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

afterEach(() => bench.end());

const never = new AbortController().signal;
const JOB = `fastlane-job-${RUN_ID}`;
const busy = statusOf(429, 'TooManyRequests', 'too many requests, please try again later');
const unauthorized = statusOf(401, 'Unauthorized', 'Unauthorized');

describe('preparing a run for Kubernetes', () => {
  it('answers the API server', async () => {
    const runtime = await bench.runtime();
    expect(await runtime.prepare(aSpec(), never)).toEqual(bench.host);
  });

  it('refuses an image name that is none before it asks for anything', async () => {
    const runtime = await bench.runtime();
    await expect(runtime.prepare(aSpec({ image: 'Bad::Name' }), never)).rejects.toThrow(PullFailure);
    expect(bench.cluster.asked).toEqual([]);
  });

  it('says that the server is out of reach when it is', async () => {
    const runtime = await bench.runtime();
    await bench.cluster.down();
    await expect(runtime.prepare(aSpec(), never)).rejects.toThrow(HostUnreachable);
  });

  it('says that the server is out of reach when it takes the request and does not answer', async () => {
    const runtime = await bench.runtime({ limits: { requestSeconds: 0.2 } });
    bench.cluster.intercept(() => true);
    await expect(runtime.prepare(aSpec(), never)).rejects.toThrow(/127\.0\.0\.1:\d+: no answer within 0.2 s/);
    await until(() => bench.cluster['sockets'].size === 0);
  });

  it('says that there is no host when the server does not know the worker, and that this will not pass', async () => {
    const runtime = await bench.runtime();
    bench.cluster.refuse('GET', /^\/version$/, unauthorized);
    const failure = await runtime.prepare(aSpec(), never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoHostAvailable);
    expect(failure).toMatchObject({ forNow: false, message: expect.stringMatching(/credentials \(401\)/) });
  });

  it('goes on when the worker may only not ask for the version', async () => {
    const runtime = await bench.runtime();
    bench.cluster.refuse('GET', /^\/version$/, forbidden('get', '/version'));
    expect(await runtime.prepare(aSpec(), never)).toEqual(bench.host);
  });

  it('ends when its signal says so', async () => {
    const runtime = await bench.runtime();
    bench.cluster.intercept(() => true);
    const leaving = new AbortController();
    const preparing = runtime.prepare(aSpec(), leaving.signal);
    await until(() => bench.cluster.asked.length > 0);
    leaving.abort(new Error('the lease is over'));
    await expect(preparing).rejects.toThrow('the lease is over');
  });
});

describe('requests to the API server', () => {
  it('are made as the user of the kubeconfig', async () => {
    const runtime = await bench.runtime();
    let authorization: string | undefined;
    bench.cluster['server']!.prependListener('request', ({ headers }) => (authorization = headers.authorization));
    await runtime.hosts();
    expect(authorization).toBe('Bearer a-token');
  });

  it('are made again when it asks for a moment of patience', async () => {
    const runtime = await bench.runtime();
    bench.cluster.intercept((_, response) => {
      if (bench.cluster.asked.length > 2) return false;
      send(response, 429, busy, { 'retry-after': '0' });
      return true;
    });
    expect(await runtime.prepare(aSpec(), never)).toEqual(bench.host);
    expect(bench.cluster.asked).toHaveLength(3);
  });

  it('fail as out of reach when it stays busy, or is not well', async () => {
    const runtime = await bench.runtime();
    const end = bench.cluster.refuse('GET', /^\/version$/, busy, { 'retry-after': '0' });
    await expect(runtime.prepare(aSpec(), never)).rejects.toThrow(/too many requests/);
    expect(bench.cluster.asked).toHaveLength(3);
    end();
    bench.cluster.refuse('GET', /^\/version$/, statusOf(500, 'InternalError', 'etcdserver: request timed out'));
    await expect(runtime.prepare(aSpec(), never)).rejects.toThrow(HostUnreachable);
  });

  it('end when the worker does', async () => {
    const runtime = await bench.runtime();
    const place = bench.runningPod();
    const waiting = runtime.wait(place, never).catch((error: unknown) => error);
    const following = runtime
      .follow(place, { stdout: 0, stderr: 0 }, () => undefined, never)
      .catch((error: unknown) => error);
    await until(() => bench.cluster['watchers'].size > 0 && bench.cluster.followers(POD) > 0);
    await runtime.close();
    expect(await waiting).toBeInstanceOf(HostUnreachable);
    expect(await following).toBeInstanceOf(HostUnreachable);
    await until(() => bench.cluster['sockets'].size === 0);
  });
});

describe('finding the container of a run in Kubernetes', () => {
  it.each([
    ['runs', running()],
    ['has ended', terminated(1)],
  ])('finds the pod that %s', async (_, status) => {
    const runtime = await bench.runtime();
    const place = bench.runningPod(status);
    expect(await runtime.find(aSpec(), undefined)).toEqual(place);
  });

  it('finds none when there is none', async () => {
    const runtime = await bench.runtime();
    expect(await runtime.find(aSpec(), undefined)).toBeUndefined();
    expect(await runtime.find(aSpec(), { ...bench.host, containerId: POD })).toBeUndefined();
  });

  it.each([
    ['is being made', creating()],
    ['could not be started', startError(noSuchProgram)],
  ])('leaves to `start` a pod that %s: its worker died between the Job and the command', async (_, status) => {
    const runtime = await bench.runtime();
    bench.runningPod(status);
    expect(await runtime.find(aSpec(), undefined)).toBeUndefined();
  });

  it('finds a known pod that is gone as long as its Job can say how it ended', async () => {
    const runtime = await bench.runtime();
    const place = bench.runningPod();
    bench.cluster.removePod(POD);
    bench.cluster.jobs.get(JOB)!.status = failedJobStatus('BackoffLimitExceeded', 'Job has reached its limit');
    expect(await runtime.find(aSpec(), place)).toEqual(place);
    expect(await runtime.find(aSpec(), { ...place, containerId: '4f1c2d9a77e0' })).toBeUndefined();
  });

  it('tells when the server cannot be asked', async () => {
    const runtime = await bench.runtime();
    await bench.cluster.down();
    await expect(runtime.find(aSpec(), undefined)).rejects.toThrow(HostUnreachable);
  });
});

describe('what is left of runs in Kubernetes', () => {
  it('is removed with its Job, and its pod in the background', async () => {
    const runtime = await bench.runtime();
    const place = bench.runningPod(terminated(0));
    await runtime.remove(place);
    expect(bench.cluster.jobs.size).toBe(0);
    expect(bench.cluster.pods.size).toBe(0);
    expect(bench.cluster.requests('DELETE', /\/jobs\//)[0]!.query.get('propagationPolicy')).toBe('Background');
  });

  it('is removed when it is gone, or was never ours', async () => {
    const runtime = await bench.runtime();
    await runtime.remove({ ...bench.host, containerId: POD });
    await runtime.remove({ host: 'docker', port: 2375, containerId: '4f1c2d9a77e0' });
    expect(bench.cluster.requests('DELETE', /./)).toHaveLength(1);
  });

  it('is found whoever left it, running or ended, and nothing else is', async () => {
    const runtime = await bench.runtime();
    const place = bench.runningPod();
    const pod = bench.cluster.pods.get(POD)!;
    bench.cluster.pods.set('other', { ...pod, metadata: { ...pod.metadata, name: 'other', labels: { app: 'other' } } });
    expect(await runtime.all()).toEqual([{ ...place, runId: RUN_ID }]);
  });

  it('is not found by another installation in the same namespace', async () => {
    bench.runningPod();
    const other = await bench.runtime({ installation: async () => 'another' });
    expect(await other.all()).toEqual([]);
    expect(await (await bench.runtime()).all()).toHaveLength(1);
  });

  it('is found where a Job never got a pod, and can be removed', async () => {
    const runtime = await bench.runtime();
    bench.runningPod();
    bench.cluster.removePod(POD);
    const [left] = await runtime.all();
    expect(left).toEqual({ ...bench.host, containerId: JOB, runId: RUN_ID });
    await runtime.stop(left!, 0);
    await runtime.remove(left!);
    expect(bench.cluster.jobs.size).toBe(0);
  });

  it('is not known while the server does not answer', async () => {
    const runtime = await bench.runtime();
    await bench.cluster.down();
    expect(await runtime.all()).toEqual([]);
  });
});

describe('the hosts of Kubernetes', () => {
  it('are the API server, which is available', async () => {
    const runtime = await bench.runtime();
    expect(await runtime.hosts()).toEqual([
      { ...bench.host, available: true, blacklisted: false, circuit: 'closed', error: null },
    ]);
  });

  it('are the API server, and why it is not available', async () => {
    const runtime = await bench.runtime();
    const end = bench.cluster.refuse('GET', /^\/version$/, unauthorized);
    expect(await runtime.hosts()).toMatchObject([{ available: false, error: expect.stringContaining('(401)') }]);
    end();
    await bench.cluster.down();
    expect(await runtime.hosts()).toMatchObject([
      { ...bench.host, available: false, error: expect.stringContaining('ECONNREFUSED') },
    ]);
  });
});

describe('the configuration of Kubernetes', () => {
  let folder: string;
  const installation = async () => INSTALLATION;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  const connect = async (content: string, namespace?: string) => {
    const file = join(folder, 'config');
    writeFileSync(file, content);
    return KubernetesRuntime.connect({ installation, kubeconfig: file, ...(namespace !== undefined && { namespace }) });
  };

  it('names the namespace in which Jobs are made, unless it is given', async () => {
    await bench.cluster.up();
    const paths = () => bench.cluster.asked.map(({ path }) => path);
    await (
      await connect(kubeconfig(bench.cluster.port, { namespace: 'of-context' }))
    ).remove({ ...bench.host, containerId: POD });
    await (await connect(kubeconfig(bench.cluster.port), 'given')).remove({ ...bench.host, containerId: POD });
    expect(paths()).toEqual([
      `/apis/batch/v1/namespaces/of-context/jobs/${JOB}`,
      `/apis/batch/v1/namespaces/given/jobs/${JOB}`,
    ]);
  });

  it('is refused when it cannot be read or names no server', async () => {
    await bench.cluster.up();
    await expect(KubernetesRuntime.connect({ installation, kubeconfig: join(folder, 'none') })).rejects.toThrow(
      /kubeconfig file .*none/,
    );
    await expect(connect('apiVersion: v1\nkind: Config\n')).rejects.toThrow(/kubeconfig file/);
  });

  it('is that of the pod that the worker runs in when there is none, and is refused outside of one', async () => {
    await bench.cluster.up();
    await expect(KubernetesRuntime.connect({ installation })).rejects.toThrow(/does not run in a Kubernetes pod/);
  });
});
