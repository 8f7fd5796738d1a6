import { NODE_FLAGS } from '../../../scripts/local/app-process';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadConfiguration } from '@task-engine/platform';
import {
  APPS,
  baseFiles,
  compose,
  dockerStages,
  environmentOf,
  kustomization,
  type Manifest,
  manifests,
  manifestsIn,
  ofKind,
  path,
  SCHEMAS,
  stepsOf,
  type Target,
} from './deploy-files';

const SECRETS: Record<string, string> = {
  'database-url': 'postgres://user:password@host/db',
  'redis-url': 'redis://host:6379/0',
  'bootstrap-clients': 'client:key',
  'jwt-secret': 'a secret of thirty-two characters!',
};
const given = { POSTGRES_PASSWORD: 'password' };

function typeFaults(objects: Manifest[]): string[] {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [path('test/integration/deploy/kubernetes-types.mjs')],
    {
      input: JSON.stringify(objects),
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

const containerOf = (workload: Manifest): Manifest => workload.spec.template.spec.containers[0];
const portVariable = (target: Target) => (target === 'api-gateway' ? 'PORT' : 'OPS_PORT');

/** What the container's process finds in its environment, with stand-ins for the secret's values. */
function environmentOfContainer(container: Manifest): Record<string, string> {
  const configMaps = ofKind('ConfigMap');
  const shared = (container.envFrom ?? []).map(
    (source: Manifest) => configMaps.find((each) => each.metadata.name === source.configMapRef.name).data,
  );
  const own = (container.env ?? []).map(({ name, value, valueFrom }: Manifest) => {
    if (valueFrom && !(valueFrom.secretKeyRef.key in SECRETS)) throw new Error(`unknown key of the secret for ${name}`);
    return [name, value ?? SECRETS[valueFrom.secretKeyRef.key]];
  });
  return Object.assign({}, ...shared, Object.fromEntries(own));
}

const unknownVariables = (target: Target, variables: Record<string, string>) =>
  Object.keys(variables).filter((name) => !(name in SCHEMAS[target].shape));

describe('the Kubernetes manifests', () => {
  it('are all part of the base', () => {
    expect([...kustomization().resources].sort()).toEqual(baseFiles().sort());
  });

  it('have the fields and types that Kubernetes knows', () => {
    expect(typeFaults(manifests())).toEqual([]);
  });

  it('for commands have them too, and let the worker do what its executor does', () => {
    const objects = manifestsIn('k8s/commands', ['access.yaml', 'task-worker.yaml']);
    const [worker] = objects.filter(({ kind }) => kind === 'Deployment');
    expect(typeFaults(objects.filter(({ kind }) => kind !== 'Deployment'))).toEqual([]);
    const { serviceAccountName, automountServiceAccountToken, containers } = worker!.spec.template.spec;
    const [account, role, binding] = objects;
    expect([account!.metadata.name, binding!.subjects[0].name]).toEqual([serviceAccountName, serviceAccountName]);
    expect(automountServiceAccountToken).toBe(true);
    expect(
      unknownVariables('task-worker', Object.fromEntries(containers[0].env.map((e: Manifest) => [e.name, 1]))),
    ).toEqual([]);
    expect(role!.rules.map((rule: Manifest) => `${rule.resources} ${rule.verbs}`)).toEqual([
      'jobs create,get,list,delete',
      'pods get,list,watch,delete',
      'pods/log get',
      'events list',
    ]);
  });

  it('would be caught with a field that is missing, unknown or of the wrong type', () => {
    const [deployment] = ofKind('Deployment');
    const spoilt = structuredClone(deployment);
    delete spoilt.spec.selector;
    spoilt.spec.replicas = '2';
    containerOf(spoilt).livenesProbe = {};
    expect(typeFaults([spoilt])).toEqual([
      expect.stringContaining('selector'),
      expect.stringContaining('spec.replicas must be a number'),
      expect.stringContaining('livenesProbe is not a field of V1Container'),
    ]);
  });

  it('run every app twice, through rolling upgrades and evictions', () => {
    expect(
      ofKind('Deployment')
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual([...APPS].sort());
    const budgets = ofKind('PodDisruptionBudget');
    for (const { metadata, spec } of ofKind('Deployment')) {
      expect(spec.replicas).toBeGreaterThanOrEqual(2);
      expect(spec.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      const budget = budgets.find((each) => each.metadata.name === metadata.name);
      expect(budget.spec).toEqual({ minAvailable: 1, selector: { matchLabels: spec.selector.matchLabels } });
    }
  });

  it('set only variables that the app knows, to values that it accepts', () => {
    for (const workload of [...ofKind('Deployment'), ...ofKind('Job')]) {
      const container = containerOf(workload);
      const target = container.image.replace('task-engine/', '') as Target;
      const variables = environmentOfContainer(container);
      expect([target, unknownVariables(target, variables)]).toEqual([target, []]);
      const configuration = loadConfiguration(SCHEMAS[target], variables) as Record<string, unknown>;
      if (workload.kind !== 'Deployment') continue;
      expect(configuration.HOST).toBe('0.0.0.0');
      expect(configuration[portVariable(target)]).toBe(container.ports[0].containerPort);
      // the app must have ended by itself before it is killed
      expect(workload.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(
        configuration.SHUTDOWN_SECONDS as number,
      );
      expect(configuration.SHUTDOWN_SECONDS).toBeGreaterThan(configuration.DRAIN_DELAY_SECONDS as number);
    }
  });

  it('probe liveness and readiness on the port that the container has', () => {
    for (const workload of ofKind('Deployment')) {
      const { ports, startupProbe, livenessProbe, readinessProbe } = containerOf(workload);
      const port = ports[0].name;
      expect(startupProbe.httpGet).toEqual({ path: '/livez', port });
      expect(livenessProbe.httpGet).toEqual({ path: '/livez', port });
      expect(readinessProbe.httpGet).toEqual({ path: '/readyz', port });
    }
    const [service] = ofKind('Service');
    const gateway = ofKind('Deployment').find(({ metadata }) => metadata.name === 'api-gateway');
    expect(gateway.spec.template.metadata.labels).toMatchObject(service.spec.selector);
    expect(containerOf(gateway).ports.map(({ name }: Manifest) => name)).toContain(service.spec.ports[0].targetPort);
  });

  it('run without root, without rights, on a read-only file system and within limits', () => {
    for (const workload of [...ofKind('Deployment'), ...ofKind('Job')]) {
      const pod = workload.spec.template.spec;
      const container = containerOf(workload);
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(Object.keys(container.resources.requests).sort()).toEqual(['cpu', 'memory']);
      expect(Object.keys(container.resources.limits).sort()).toEqual(['cpu', 'memory']);
      const claims = ofKind('PersistentVolumeClaim').map(({ metadata }) => metadata.name);
      const volumes = pod.volumes.map(({ name }: Manifest) => name);
      for (const mount of container.volumeMounts) expect(volumes).toContain(mount.name);
      for (const { persistentVolumeClaim } of pod.volumes)
        if (persistentVolumeClaim) expect(claims).toContain(persistentVolumeClaim.claimName);
    }
  });

  it('mount the data folder, and a folder for temporary files, wherever the app writes', () => {
    for (const workload of ofKind('Deployment')) {
      const target = workload.metadata.name as Target;
      const mounts = containerOf(workload).volumeMounts.map(({ mountPath }: Manifest) => mountPath);
      expect(mounts).toContain('/tmp');
      expect([target, mounts.includes('/data')]).toEqual([target, 'DATA_DIR' in SCHEMAS[target].shape]);
    }
  });
});

describe('the images', () => {
  const stages = dockerStages();

  it('exist for everything that the manifests and compose.yaml name', () => {
    const images = [...ofKind('Deployment'), ...ofKind('Job')].map((each) => containerOf(each).image as string);
    expect([...new Set(images)].sort()).toEqual(
      kustomization()
        .images.map(({ name }: Manifest) => name)
        .sort(),
    );
    for (const image of images) expect([...stages.keys()]).toContain(image.replace('task-engine/', ''));
    const services: Manifest[] = Object.values(compose(given).services);
    for (const { build, image } of services) {
      if (!build) continue;
      expect([...stages.keys()]).toContain(build.target);
      expect(image).toBe(`task-engine/${build.target}`);
      expect(existsSync(path('docker', build.context, build.dockerfile))).toBe(true);
    }
  });

  it.each(Object.keys(SCHEMAS) as Target[])(
    '%s runs its own program, as a user that is not root, with variables it knows',
    (target) => {
      const stage = stages.get(target)!;
      expect(stepsOf(stage, 'USER').at(-1)).toBe('1000:1000');
      const start = JSON.parse(
        (target === 'tools' ? stepsOf(stage, 'ENTRYPOINT') : stepsOf(stage, 'CMD')).at(-1)!,
      ) as string[];
      const program = target === 'tools' ? 'scripts/cli' : `apps/${target}/src/main`;
      const flags = target === 'tools' ? [] : NODE_FLAGS;
      expect(start).toEqual(['node', ...flags, `dist/${program}.js`]);
      expect(existsSync(path(`${program}.ts`))).toBe(true);
      const { NODE_ENV, HOST, ...variables } = environmentOf(stage);
      expect([NODE_ENV, HOST]).toEqual(['production', '0.0.0.0']);
      if (target === 'tools') return;
      // DATA_DIR stands in the image that all share
      expect(unknownVariables(target, variables).filter((name) => name !== 'DATA_DIR')).toEqual([]);
      const port = variables[portVariable(target)];
      expect(stepsOf(stage, 'EXPOSE')).toEqual([port]);
      expect(stepsOf(stage, 'HEALTHCHECK').at(-1)).toContain('"healthcheck.mjs"');
    },
  );

  it('give every app a port of its own, the default of its schema', () => {
    for (const target of APPS) {
      const configuration = loadConfiguration(SCHEMAS[target], {
        DATABASE_URL: SECRETS['database-url'],
        REDIS_URL: SECRETS['redis-url'],
      }) as Record<string, unknown>;
      expect(environmentOf(stages.get(target)!)[portVariable(target)]).toBe(
        String(configuration[portVariable(target)]),
      );
    }
  });

  it('copy only what is in the checkout', () => {
    for (const name of ['build', 'packages', 'runtime']) {
      for (const rest of stepsOf(stages.get(name)!, 'COPY')) {
        if (rest.startsWith('--from')) continue;
        for (const source of rest.split(/\s+/).slice(0, -1))
          expect([source, existsSync(path(source))]).toEqual([source, true]);
      }
    }
  });

  it('hold ffmpeg where tasks run', () => {
    expect(stepsOf(stages.get('task-worker')!, 'RUN').join()).toContain('ffmpeg');
  });
});

describe('compose.yaml', () => {
  const file = compose(given);

  it('holds every app, the migrations, PostgreSQL and a Redis that appends and never evicts', () => {
    expect(Object.keys(file.services).sort()).toEqual([...APPS, 'migrate', 'postgres', 'redis'].sort());
    expect(file.services.redis.command.join(' ')).toMatch(/--appendonly yes .*--maxmemory-policy noeviction/);
  });

  it('sets only variables that the app knows, to values that it accepts, and maps the port that it has', () => {
    for (const [name, service] of Object.entries<Manifest>(file.services)) {
      if (!service.build) continue;
      const target = service.build.target as Target;
      const variables = service.environment as Record<string, string>;
      // REDIS_URL and LOG_LEVEL stand in the part that all share
      expect([name, unknownVariables(target, variables)]).toEqual([name, []]);
      const configuration = loadConfiguration(SCHEMAS[target], variables) as Record<string, unknown>;
      if (target === 'tools') continue;
      expect(environmentOf(dockerStages().get(target)!)[portVariable(target)]).toBe(
        String(configuration[portVariable(target)]),
      );
      expect(parseInt(service.stop_grace_period as string, 10)).toBeGreaterThan(
        configuration.SHUTDOWN_SECONDS as number,
      );
      const mounted = ((service.volumes ?? []) as string[]).includes('data:/data');
      expect([name, mounted]).toEqual([name, 'DATA_DIR' in SCHEMAS[target].shape]);
      expect(service.read_only).toBe(true);
    }
    const { PORT } = file.services['api-gateway'].environment;
    expect(file.services['api-gateway'].ports).toEqual([`127.0.0.1:8080:${PORT}`]);
  });

  it('names only volumes that it declares, and waits for what an app needs', () => {
    for (const service of Object.values<Manifest>(file.services)) {
      for (const volume of (service.volumes ?? []) as string[])
        expect(Object.keys(file.volumes)).toContain(volume.split(':')[0]);
      for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(file.services)).toContain(name);
    }
    for (const app of APPS) expect(Object.keys(file.services[app].depends_on)).toEqual(['migrate', 'redis']);
  });

  it('refuses to come up with a password that nobody has set', () => {
    expect(() => compose({})).toThrow('POSTGRES_PASSWORD');
  });
});
