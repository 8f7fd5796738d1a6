import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerSpec, Place } from '../runtime';
import { Cluster } from './cluster.fixture';
import { KubernetesRuntime } from './kubernetes-runtime';
import { jobManifest } from './job-manifest';
import { type Json, NAMESPACE, running } from './recorded-shapes.fixture';
import type { KubernetesRuntimeOptions } from './runtime-options';

// Jest loads CommonJS only, and the client is an ES module: it is loaded by Node itself, unchanged, as it is outside of tests. Jest's own class
// for modules is derived from Node's, which still has the `require` that can do so.
jest.mock('@kubernetes/client-node', () => {
  const file = require.resolve('@kubernetes/client-node');
  const jests = jest.requireActual<typeof import('node:module')>('node:module');
  const nodes = Object.getPrototypeOf(jests) as typeof import('node:module');
  return nodes.createRequire(file)(file) as unknown;
});

// what is waited for comes within milliseconds, but other tests run beside these
jest.setTimeout(20_000);

export const RUN_ID = '0f8fad5b-d9cb-469f-a165-70867728950e';
export const INSTALLATION = '3a1f5d20-6c1b-4f0e-9a57-1d2c3b4a5e6f';
export const POD = `fastlane-job-${RUN_ID}-x7k2p`;

export const aSpec = (more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  runId: RUN_ID,
  group: 'reports/daily',
  image: 'busybox:1.36',
  command: 'echo hello',
  environment: {},
  extraHosts: [],
  ...more,
});

/** Short enough for tests: nobody waits for what does not come. */
const LIMITS = {
  requestSeconds: 2,
  scheduleSeconds: 5,
  imagePullTimeoutSeconds: 5,
  imagePullGraceSeconds: 5,
  lookSeconds: 0.1,
  watchSeconds: 5,
  quietSeconds: 5,
  reopenSeconds: 0.05,
  endNotedSeconds: 0.3,
};

export function kubeconfig(port: number, more: { user?: Json; namespace?: string } = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: more.user ?? { token: 'a-token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: more.namespace ?? NAMESPACE } }],
    'current-context': 'x',
  });
}

/** A cluster and a runtime on it, for one test. */
export class Bench {
  private readonly folder = mkdtempSync(join(tmpdir(), 'kubernetes-runtime-'));
  private readonly runtimes: KubernetesRuntime[] = [];
  readonly said: string[] = [];
  readonly cluster = new Cluster();

  async runtime(
    options: Partial<Omit<KubernetesRuntimeOptions, 'limits'>> & { limits?: object } = {},
  ): Promise<KubernetesRuntime> {
    if (this.cluster.port === 0) await this.cluster.up();
    const file = join(this.folder, 'config');
    writeFileSync(file, kubeconfig(this.cluster.port));
    const runtime = await KubernetesRuntime.connect({
      kubeconfig: file,
      installation: async () => INSTALLATION,
      log: (message) => this.said.push(message),
      ...options,
      limits: { ...LIMITS, ...options.limits },
    });
    this.runtimes.push(runtime);
    return runtime;
  }

  /** A run whose command runs. */
  runningPod(status: Json = running()): Place {
    const job = jobManifest(aSpec(), { installation: INSTALLATION }) as Json;
    job.metadata.uid = '6a2b1c7e-5f0d-4c38-8d1a-0c1d2e3f4a5b';
    job.metadata.namespace = NAMESPACE;
    job.status = { active: 1 };
    this.cluster.jobs.set(job.metadata.name, job);
    return { ...this.host, containerId: this.cluster.addPod(job, status) };
  }

  get host(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.cluster.port };
  }

  async end(): Promise<void> {
    for (const runtime of this.runtimes) await runtime.close();
    await this.cluster.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a follower was handed. */
export class Taken {
  text = '';
  readonly streams = new Set<string>();
  readonly take = (stream: string, bytes: Buffer): void => {
    this.streams.add(stream);
    this.text += bytes.toString('utf8');
  };
}

/** Waits for what the other side does. @throws Error when it does not within 10 s */
export async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!what()) {
    if (Date.now() > deadline) throw new Error(`never came: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
