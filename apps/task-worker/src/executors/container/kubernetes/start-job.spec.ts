import { HostUnreachable, PullFailure, StartFailure } from '../runtime';
import {
  createContainerConfigError,
  creating,
  errImagePull,
  failedJobStatus,
  forbidden,
  imagePullBackOff,
  invalidImageName,
  type Json,
  notExecutable,
  notFoundImage,
  noSuchProgram,
  outOfCpu,
  registryDown,
  running,
  startError,
  statusOf,
  terminated,
  unschedulable,
  unscheduled,
  warningEvent,
} from './recorded-shapes.fixture';
import { aSpec, Bench, POD, RUN_ID, until } from './runtime.fixture';

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

afterEach(() => bench.end());

const JOBS = /\/jobs$/;
const JOB = new RegExp(`/jobs/fastlane-job-${RUN_ID}$`);

/** Each Job's pod gets one status after the other, a moment apart. */
function statuses(...each: Json[]): void {
  bench.cluster.onJob = (job) => {
    const [first, ...others] = each;
    const name = bench.cluster.addPod(job, first!, { unscheduled: first!.containerStatuses === undefined });
    others.forEach((status, index) => {
      setTimeout(
        () => {
          const pod = bench.cluster.pods.get(name);
          if (pod) bench.cluster.setPod({ ...pod, spec: { ...pod.spec, nodeName: 'worker-node-2' }, status });
        },
        20 * (index + 1),
      );
    });
  };
}

describe('starting a command in Kubernetes', () => {
  it('makes a Job and answers its pod as soon as that runs', async () => {
    const runtime = await bench.runtime();
    statuses(unscheduled(), creating(), running());
    const place = await runtime.start(aSpec(), bench.host);
    expect(place).toEqual({ ...bench.host, containerId: POD });
    const [asked] = bench.cluster.requests('POST', JOBS);
    expect(asked!.body).toMatchObject({ kind: 'Job', metadata: { name: `fastlane-job-${RUN_ID}` } });
    expect(bench.cluster.pods.has(POD)).toBe(true);
    // why there is no pod is asked only when there should be one
    expect(bench.cluster.requests('GET', JOB)).toEqual([]);
  });

  it('answers the pod of a command that has ended before anybody looked', async () => {
    const runtime = await bench.runtime();
    statuses(terminated(3));
    expect((await runtime.start(aSpec(), bench.host)).containerId).toBe(POD);
  });

  it('takes the Job that the run has: the worker that made it died', async () => {
    bench.runningPod();
    const runtime = await bench.runtime();
    expect((await runtime.start(aSpec(), bench.host)).containerId).toBe(POD);
    expect(bench.cluster.jobs.size).toBe(1);
  });

  it('makes one Job when the answer to its creation was lost and it is started again', async () => {
    const runtime = await bench.runtime();
    statuses(running());
    const end = bench.cluster.intercept(({ method, body }, response) => {
      if (method !== 'POST') return false;
      bench.cluster['createJob'](body!, { writeHead: () => undefined, end: () => undefined } as never);
      response.destroy();
      return true;
    });
    await expect(runtime.start(aSpec(), bench.host)).rejects.toThrow(HostUnreachable);
    end();
    expect((await runtime.start(aSpec(), bench.host)).containerId).toBe(POD);
    expect(bench.cluster.pods.size).toBe(1);
  });

  it('waits for a node, and says what it waits for', async () => {
    const runtime = await bench.runtime();
    bench.cluster.onJob = (job) => bench.cluster.addPod(job, unschedulable(), { unscheduled: true });
    const starting = runtime.start(aSpec(), bench.host);
    await until(() => bench.said.length > 0);
    bench.cluster.setStatus(POD, running());
    expect((await starting).containerId).toBe(POD);
    expect(bench.said).toEqual([expect.stringMatching(/waits: Unschedulable: 0\/3 nodes are available/)]);
  });

  it('gives up on a node in the end, and leaves no Job', async () => {
    const runtime = await bench.runtime({ limits: { scheduleSeconds: 0.3 } });
    statuses(unschedulable());
    const failure = await runtime.start(aSpec(), bench.host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartFailure);
    expect((failure as Error).message).toMatch(/No node took the job within 0.3 seconds.*Insufficient memory/);
    expect(bench.cluster.jobs.size).toBe(0);
  });

  it.each([
    ['leaves the Job to the next worker when this one has to go', true, 1],
    ['removes the Job when its client stops the run', false, 0],
  ])('waits no longer than it is told to, and %s', async (_, isWanted, jobs) => {
    const runtime = await bench.runtime();
    bench.cluster.onJob = (job) => bench.cluster.addPod(job, unschedulable(), { unscheduled: true });
    const leaving = new AbortController();
    const starting = runtime
      .start(aSpec(), bench.host, leaving.signal, () => isWanted)
      .catch((error: unknown) => error);
    await until(() => bench.said.length > 0);
    leaving.abort('told to');
    expect(await starting).toBe('told to');
    expect(bench.cluster.jobs.size).toBe(jobs);
  });

  it('does not start a command with quotes that do not close', async () => {
    const runtime = await bench.runtime();
    await expect(runtime.start(aSpec({ command: `echo 'open` }), bench.host)).rejects.toThrow(StartFailure);
    expect(bench.cluster.requests('POST', JOBS)).toEqual([]);
  });
});

describe('an image that cannot be had', () => {
  const failureOf = async (imagePullGraceSeconds: number, ...each: Json[]): Promise<Error> => {
    const runtime = await bench.runtime({ limits: { imagePullGraceSeconds, imagePullTimeoutSeconds: 60 } });
    statuses(...each);
    const failure = await runtime.start(aSpec(), bench.host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PullFailure);
    expect(bench.cluster.jobs.size).toBe(0);
    expect(bench.cluster.pods.size).toBe(0);
    return failure as Error;
  };

  it('fails the start at once when its registry does not know it', async () => {
    expect((await failureOf(60, creating(), errImagePull(notFoundImage))).message).toContain(notFoundImage);
  });

  it('fails the start with what its registry said, not with the pause before the next try', async () => {
    const failure = await failureOf(60, imagePullBackOff('nosuch:1'), errImagePull(notFoundImage));
    expect(failure.message).toContain(notFoundImage);
  });

  it('fails the start at once when its name is none', async () => {
    expect((await failureOf(60, invalidImageName('Bad::Name'))).message).toMatch(/InvalidImageName.*invalid reference/);
  });

  it('fails the start after a while when its registry does not answer, with what that was', async () => {
    const runtime = await bench.runtime({ limits: { imagePullGraceSeconds: 0.4 } });
    bench.cluster.onJob = (job) => bench.cluster.addPod(job, errImagePull(registryDown));
    const begun = Date.now();
    const starting = runtime.start(aSpec(), bench.host).catch((error: unknown) => error);
    await until(() => bench.said.length > 0);
    bench.cluster.setStatus(POD, imagePullBackOff('registry.example:5000/tool:1'));
    const failure = await starting;
    expect(failure).toBeInstanceOf(PullFailure);
    expect((failure as Error).message).toContain('i/o timeout');
    expect(Date.now() - begun).toBeGreaterThanOrEqual(390);
  });

  it('is waited for while its registry does not answer for a moment', async () => {
    const runtime = await bench.runtime();
    statuses(errImagePull(registryDown), imagePullBackOff('busybox:1.36'), running());
    expect((await runtime.start(aSpec(), bench.host)).containerId).toBe(POD);
  });

  it('fails the start when its pull does not come to an end', async () => {
    const runtime = await bench.runtime({ limits: { imagePullTimeoutSeconds: 0.2 } });
    statuses(creating());
    const failure = await runtime.start(aSpec(), bench.host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PullFailure);
    expect((failure as Error).message).toBe('Image busybox:1.36 was not there within 0.2 seconds.');
    expect(bench.cluster.jobs.size).toBe(0);
  });

  it('is not blamed when the node says that it waits for something else', async () => {
    const runtime = await bench.runtime({ limits: { imagePullTimeoutSeconds: 0.2 } });
    bench.cluster.events.push(warningEvent('FailedCreatePodSandBox', 'plugin type="calico" failed (add): timeout'));
    statuses(creating());
    const failure = await runtime.start(aSpec(), bench.host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartFailure);
    expect((failure as Error).message).toMatch(/FailedCreatePodSandBox.*calico/);
  });
});

describe('a command that cannot be started', () => {
  const failureOf = async (...each: Json[]): Promise<StartFailure> => {
    const runtime = await bench.runtime();
    statuses(...each);
    const failure = await runtime.start(aSpec(), bench.host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartFailure);
    expect(bench.cluster.jobs.size).toBe(0);
    return failure as StartFailure;
  };

  it('answers 127 when the image has no such program', async () => {
    expect(await failureOf(creating(), startError(noSuchProgram))).toMatchObject({
      exitCode: 127,
      message: expect.stringContaining('executable file not found'),
    });
  });

  it('answers 126 when it is no program', async () => {
    expect(await failureOf(startError(notExecutable))).toMatchObject({ exitCode: 126 });
  });

  it('answers no exit code when its settings are the trouble', async () => {
    expect(await failureOf(createContainerConfigError())).toMatchObject({
      exitCode: null,
      message: expect.stringMatching(/CreateContainerConfigError: container has runAsNonRoot/),
    });
  });

  it('says so when its node did not take it after all', async () => {
    expect((await failureOf(outOfCpu())).message).toMatch(/^OutOfcpu: Pod was rejected/);
  });

  it('says so when the API does not take the Job', async () => {
    const runtime = await bench.runtime();
    const said = 'Job.batch "x" is invalid: spec.template.spec.containers[0].env[0].name: Invalid value: "a=b"';
    bench.cluster.refuse('POST', JOBS, statusOf(422, 'Invalid', said));
    await expect(runtime.start(aSpec(), bench.host)).rejects.toMatchObject({ name: 'StartFailure', message: said });
  });

  it('names the permission that the worker lacks', async () => {
    const runtime = await bench.runtime();
    bench.cluster.refuse('POST', JOBS, forbidden('create', 'jobs.batch'));
    await expect(runtime.start(aSpec(), bench.host)).rejects.toMatchObject({
      name: 'StartFailure',
      message: expect.stringMatching(/refused to create jobs.batch in namespace batch-work \(403\).*task-worker/),
    });
  });

  it('names the permission to watch pods too, of which the API says nothing, and leaves no Job', async () => {
    const runtime = await bench.runtime();
    statuses(unscheduled());
    bench.cluster.intercept(({ query }, response) => {
      if (query.get('watch') !== 'true') return false;
      response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify(forbidden('watch', 'pods')));
      return true;
    });
    await expect(runtime.start(aSpec(), bench.host)).rejects.toMatchObject({
      name: 'StartFailure',
      message: expect.stringContaining('refused to watch pods in namespace batch-work (403)'),
    });
    expect(bench.cluster.jobs.size).toBe(0);
  });

  it('says so when a policy of the cluster forbids its pod', async () => {
    const runtime = await bench.runtime();
    const said = 'pods "fastlane-job-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true';
    bench.cluster.events.push(warningEvent('FailedCreate', `Error creating: ${said}`));
    await expect(runtime.start(aSpec(), bench.host)).rejects.toMatchObject({
      name: 'StartFailure',
      message: expect.stringContaining('violates PodSecurity'),
    });
    expect(bench.cluster.jobs.size).toBe(0);
  });

  it('waits for a quota to have room', async () => {
    const runtime = await bench.runtime();
    bench.cluster.events.push(
      warningEvent('FailedCreate', 'Error creating: pods "x" is forbidden: exceeded quota: compute, requested: pods=1'),
    );
    bench.cluster.onJob = (job) => void setTimeout(() => bench.cluster.addPod(job, running()), 400);
    expect((await runtime.start(aSpec(), bench.host)).containerId).toBe(POD);
    expect(bench.said).toEqual([expect.stringContaining('exceeded quota')]);
  });

  it('waits for a pod although it may not read events', async () => {
    const runtime = await bench.runtime();
    bench.cluster.refuse('GET', /\/events$/, forbidden('list', 'events'));
    bench.cluster.onJob = (job) => void setTimeout(() => bench.cluster.addPod(job, running()), 300);
    expect((await runtime.start(aSpec(), bench.host)).containerId).toBe(POD);
  });

  it('says so when somebody deletes its Job', async () => {
    const runtime = await bench.runtime();
    bench.cluster.onJob = (job) => void setTimeout(() => bench.cluster.jobs.delete(job.metadata.name), 50);
    await expect(runtime.start(aSpec(), bench.host)).rejects.toMatchObject({
      name: 'StartFailure',
      message: 'The job was deleted before its command ran.',
    });
  });

  it('says so as soon as somebody deletes its pod', async () => {
    const runtime = await bench.runtime({
      limits: { lookSeconds: 60, scheduleSeconds: 60, imagePullTimeoutSeconds: 60 },
    });
    statuses(creating());
    const starting = runtime.start(aSpec(), bench.host).catch((error: unknown) => error);
    await until(() => bench.cluster['watchers'].size > 0);
    const job = bench.cluster.jobs.get(`fastlane-job-${RUN_ID}`)!;
    job.status = failedJobStatus('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    bench.cluster.removePod(POD);
    expect(await starting).toMatchObject({
      name: 'StartFailure',
      message: 'The pod of the job is gone. BackoffLimitExceeded: Job has reached the specified backoff limit',
    });
  });

  it('is not run a second time when the pod of its Job is gone', async () => {
    const runtime = await bench.runtime();
    bench.runningPod();
    bench.cluster.removePod(POD);
    const job = bench.cluster.jobs.get(`fastlane-job-${RUN_ID}`)!;
    job.status = failedJobStatus('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    await expect(runtime.start(aSpec(), bench.host)).rejects.toMatchObject({
      name: 'StartFailure',
      message: expect.stringContaining('BackoffLimitExceeded'),
    });
  });
});

describe('an API server that goes away while a command is started', () => {
  it('is told from a failure: the Job may be there, and a second start finds it', async () => {
    const runtime = await bench.runtime();
    statuses(creating());
    const starting = runtime.start(aSpec(), bench.host).catch((error: unknown) => error);
    await until(() => bench.cluster.requests('GET', /\/pods$/).length >= 2);
    await bench.cluster.down();
    expect(await starting).toBeInstanceOf(HostUnreachable);
    expect(bench.cluster.jobs.size).toBe(1);
    await bench.cluster.up();
    bench.cluster.setStatus(POD, running());
    expect((await runtime.start(aSpec(), bench.host)).containerId).toBe(POD);
  });

  it('leaves the failure for the next start when it goes before the Job is deleted', async () => {
    const runtime = await bench.runtime();
    statuses(startError(noSuchProgram));
    const end = bench.cluster.refuse('DELETE', JOB, statusOf(503, 'ServiceUnavailable', 'etcdserver: leader changed'));
    await expect(runtime.start(aSpec(), bench.host)).rejects.toThrow(HostUnreachable);
    end();
    await expect(runtime.start(aSpec(), bench.host)).rejects.toMatchObject({ name: 'StartFailure', exitCode: 127 });
    expect(bench.cluster.jobs.size).toBe(0);
  });
});
