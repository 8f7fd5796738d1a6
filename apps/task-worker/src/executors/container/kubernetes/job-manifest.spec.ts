import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { ContainerSpec } from '../runtime';
import { jobManifest as manifestOf, type ManifestOptions, runIdOf } from './job-manifest';
import type { Json } from './recorded-shapes.fixture';

const RUN_ID = '0F8FAD5B-d9cb-469f-a165-70867728950e';

const SPEC: ContainerSpec = {
  runId: RUN_ID,
  group: 'reports/daily ünïcode',
  image: 'registry.example:5000/tools/report:1.2',
  command: `sh -c 'echo "$HOME $(date) $$"' \\$x`,
  environment: { GREETING: 'hello', PRICE: '5$', TEMPLATE: '$(GREETING) $$' },
  extraHosts: [
    ['db.internal', '10.0.0.5'],
    ['cache.internal', '10.0.0.6'],
    ['db2.internal', '10.0.0.5'],
  ],
  memoryBytes: 134_217_728,
  cpus: 0.25,
};

const bare: ContainerSpec = {
  runId: RUN_ID,
  group: 'g',
  image: 'busybox',
  command: '',
  environment: {},
  extraHosts: [],
};

const INSTALLATION = '3a1f5d20-6c1b-4f0e-9a57-1d2c3b4a5e6f';
const jobManifest = (spec: ContainerSpec, options: Partial<ManifestOptions>) =>
  manifestOf(spec, { installation: INSTALLATION, ...options });

/** A process of its own, as for the files of k8s/: the packages are ES modules. */
function faultsOf(...objects: object[]): string[] {
  const checker = resolve(__dirname, '../../../../../../test/integration/deploy/kubernetes-types.mjs');
  const { stdout, stderr, status } = spawnSync(process.execPath, [checker], {
    input: JSON.stringify(objects),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

/** What Kubernetes makes of an argument or a value: `$(NAME)` is replaced, `$$` is one `$`. */
function asKubernetesReadsIt(text: string): string {
  return text.replace(/\$(\$|\([^)]*\))/g, (_, next: string) => (next === '$' ? '$' : '<replaced>'));
}

const podOf = (manifest: Json): Json => manifest.spec.template.spec;
const containerOf = (manifest: Json): Json => podOf(manifest).containers[0];

describe('the Job of a run', () => {
  it('has the fields and types that Kubernetes knows, with everything and with nothing', () => {
    const full = jobManifest(SPEC, {
      imagePullPolicy: 'Always',
      imagePullSecrets: ['registry-login'],
      terminationGraceSeconds: 30,
    });
    // what the check would say of faults
    const spoilt = structuredClone(full) as Json;
    spoilt.metadata.name = 'spoilt';
    spoilt.spec.backofLimit = 0;
    delete spoilt.spec.template;
    const faults = faultsOf(full, jobManifest(bare, {}), spoilt);
    expect(faults).toEqual([
      expect.stringMatching(/spoilt.*template/s),
      expect.stringMatching(/spoilt.*backofLimit is not a field/),
    ]);
  }, 30_000);

  it('runs one pod once, is named after the run, and outlives its end by a day at most', () => {
    const manifest = jobManifest(SPEC, {}) as Json;
    const labels = {
      'task-engine.run': RUN_ID.toLowerCase(),
      'task-engine.installation': INSTALLATION,
      'app.kubernetes.io/managed-by': 'task-engine',
    };
    expect(manifest.metadata).toEqual({
      name: `fastlane-job-${RUN_ID.toLowerCase()}`,
      labels,
      annotations: { 'task-engine.group': SPEC.group },
    });
    expect(manifest.spec.template.metadata.labels).toEqual(labels);
    expect(manifest.spec).toMatchObject({
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      ttlSecondsAfterFinished: 86_400,
    });
    expect(podOf(manifest).restartPolicy).toBe('Never');
  });

  it('gives its pod no rights and nothing of the cluster', () => {
    const manifest = jobManifest(SPEC, {}) as Json;
    expect(podOf(manifest)).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(podOf(manifest)).not.toHaveProperty('volumes');
    expect(containerOf(manifest).securityContext).toEqual({
      privileged: false,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('hands the words of the command to the image as arguments, and its entry point stays', () => {
    const container = containerOf(jobManifest(SPEC, {}));
    expect(container.image).toBe(SPEC.image);
    expect(container).not.toHaveProperty('command');
    expect(container.args.map(asKubernetesReadsIt)).toEqual(['sh', '-c', 'echo "$HOME $(date) $$"', '$x']);
  });

  it('leaves the image its own command when the run has none', () => {
    expect(containerOf(jobManifest(bare, {}))).not.toHaveProperty('args');
  });

  it('sets variables to what was asked for, dollar signs included', () => {
    const { env } = containerOf(jobManifest(SPEC, {}));
    const read = env.map(({ name, value }: Json) => [name, asKubernetesReadsIt(value)]);
    expect(Object.fromEntries(read)).toEqual(SPEC.environment);
  });

  it('adds hosts with one line for each address', () => {
    expect(podOf(jobManifest(SPEC, {})).hostAliases).toEqual([
      { ip: '10.0.0.5', hostnames: ['db.internal', 'db2.internal'] },
      { ip: '10.0.0.6', hostnames: ['cache.internal'] },
    ]);
  });

  it('reserves what it limits, and limits nothing that was not asked for', () => {
    const amounts = { memory: '134217728', cpu: '250m' };
    expect(containerOf(jobManifest(SPEC, {})).resources).toEqual({ limits: amounts, requests: amounts });
    const cpuOnly = { limits: { cpu: '1100m' }, requests: { cpu: '1100m' } };
    expect(containerOf(jobManifest({ ...bare, cpus: 1.1 }, {})).resources).toEqual(cpuOnly);
    expect(containerOf(jobManifest(bare, {}))).not.toHaveProperty('resources');
  });

  it('leaves ten seconds between TERM and KILL unless it is told otherwise', () => {
    expect(podOf(jobManifest(bare, {})).terminationGracePeriodSeconds).toBe(10);
    expect(podOf(jobManifest(bare, { terminationGraceSeconds: 45 })).terminationGracePeriodSeconds).toBe(45);
  });
});

describe('the name of a pod', () => {
  it('says whose run it is', () => {
    const name = jobManifest(bare, {}).metadata!.name!;
    expect(runIdOf(name)).toBe(RUN_ID.toLowerCase());
    expect(runIdOf(`${name}-x7k2p`)).toBe(RUN_ID.toLowerCase());
  });

  it('says nothing when it is none of ours', () => {
    expect(runIdOf('fastlane-job-mine')).toBeUndefined();
    expect(runIdOf('4f1c2d9a77e0')).toBeUndefined();
    expect(runIdOf(`other-fastlane-job-${RUN_ID.toLowerCase()}`)).toBeUndefined();
  });
});
