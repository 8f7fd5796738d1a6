import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Database } from '@task-engine/database';
import type { Farm, Log, WorkerConfiguration } from '@task-engine/platform';
import type { TlsFiles } from './docker/docker-host';
import { dockerAnswers, DockerRuntime } from './docker/docker-runtime';
import { HostRuntime } from './host.runtime';
import { KubernetesRuntime } from './kubernetes/kubernetes-runtime';
import type { ContainerRuntime, InstallationOf } from './runtime';

/** Where an engine of this machine listens unless it was told otherwise. */
const LOCAL_SOCKET = 'unix:///var/run/docker.sock';
/** What DOCKER_HOSTS names when nobody has set it. */
const UNSET = 'localhost:2375';

/** What Kubernetes calls it. */
const PULL_POLICY = { missing: 'IfNotPresent', always: 'Always', never: 'Never' } as const;

/** What this worker runs commands with: as FASTLANE_EXECUTOR says, or containers if an engine answers now. */
export async function createRuntime(
  configuration: WorkerConfiguration,
  database: Database,
  log: Log,
): Promise<ContainerRuntime> {
  const tls = await tlsOf(configuration.DOCKER_TLS_DIR);
  const runtime = await choose(configuration, database, log, tls);
  log.info({ executor: runtime.kind }, 'commands run with this executor');
  return runtime;
}

async function choose(
  configuration: WorkerConfiguration,
  database: Database,
  log: Log,
  tls: TlsFiles | undefined,
): Promise<ContainerRuntime> {
  const { FASTLANE_EXECUTOR: wanted, DATA_DIR } = configuration;
  const host = () => new HostRuntime(resolve(DATA_DIR, 'runs'));
  const installation = installationOf(database);
  if (wanted === 'host') return host();
  if (wanted === 'kubernetes') {
    const { KUBERNETES_CONFIG, KUBERNETES_NAMESPACE, KUBERNETES_PULL_SECRETS, CONTAINER_STOP_SECONDS } = configuration;
    return KubernetesRuntime.connect({
      installation,
      kubeconfig: KUBERNETES_CONFIG,
      namespace: KUBERNETES_NAMESPACE,
      imagePullSecrets: KUBERNETES_PULL_SECRETS,
      imagePullPolicy: PULL_POLICY[configuration.DOCKER_PULL],
      terminationGraceSeconds: CONTAINER_STOP_SECONDS,
      log: (message) => log.warn(message),
    });
  }
  const farms = await farmsThatAnswer(configuration.DOCKER_HOSTS, tls);
  if (wanted === 'auto' && !farms) return host();
  return new DockerRuntime({
    farms: farms ?? configuration.DOCKER_HOSTS,
    tls,
    registry: database.stores.containerHosts,
    installation,
    pullPolicy: configuration.DOCKER_PULL,
    network: configuration.DOCKER_NETWORK,
    pidsLimit: configuration.DOCKER_PIDS_LIMIT,
    log: (message) => log.warn(message),
  });
}

/** Asks once, unless that fails. */
function installationOf(database: Database): InstallationOf {
  let known: string | undefined;
  return async () => (known ??= await database.stores.containerHosts.installation());
}

/** The farms, if one of their hosts answers; with the socket of this machine in place of an address that nobody has set. */
async function farmsThatAnswer(farms: Farm[], tls: TlsFiles | undefined): Promise<Farm[] | undefined> {
  const hosts = new Set(farms.flatMap((farm) => farm.hosts));
  const answers = await Promise.all([...hosts].map((host) => dockerAnswers(host, tls)));
  if (answers.includes(true)) return farms;
  const unset = hosts.size === 1 && hosts.has(UNSET);
  if (!unset || !(await dockerAnswers(LOCAL_SOCKET))) return undefined;
  return farms.map((farm) => ({ ...farm, hosts: [LOCAL_SOCKET] }));
}

async function tlsOf(folder: string | undefined): Promise<TlsFiles | undefined> {
  if (!folder) return undefined;
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  return { ca: ca!, cert: cert!, key: key! };
}
