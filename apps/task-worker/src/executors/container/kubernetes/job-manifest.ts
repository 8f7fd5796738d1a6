import type { V1Container, V1HostAlias, V1Job, V1ResourceRequirements } from '@kubernetes/client-node';
import { splitCommand } from '../docker/split-command';
import { INSTALLATION_LABEL, type ContainerSpec } from '../runtime';
import type { KubernetesRuntimeOptions } from './runtime-options';

/** Says of a Job and its pod whose run they are. */
export const RUN_LABEL = 'task-engine.run';
/** The group of the run's command, for people who look. A label could not have every name. */
const GROUP_ANNOTATION = 'task-engine.group';
/** Name of the one container in the pod. */
export const CONTAINER = 'command';

/** Seconds. Ours are removed when PostgreSQL knows their end; a Job that nobody knows any more removes itself after a day. */
const LEFTOVER_SECONDS = 86_400;
const DEFAULT_GRACE_SECONDS = 10;
/** Of Kubernetes: what is smaller than a thousandth CPU is not counted. */
const MILLICPUS = 1_000;

const JOB_NAME = /^fastlane-job-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-|$)/;

export function jobName(runId: string): string {
  return `fastlane-job-${runId.toLowerCase()}`;
}

/** The run of a pod or a Job of ours, from its name; Kubernetes makes the former of the latter. Undefined for any other name. */
export function runIdOf(podOrJobName: string): string | undefined {
  return JOB_NAME.exec(podOrJobName)?.[1];
}

export interface ManifestOptions extends Pick<
  KubernetesRuntimeOptions,
  'imagePullPolicy' | 'imagePullSecrets' | 'terminationGraceSeconds'
> {
  readonly installation: string;
}

/**
 * One pod, once, with no rights and nothing of the cluster in it. The image's ENTRYPOINT stays; without a command its CMD does too.
 * @throws UnbalancedQuotes
 */
export function jobManifest(spec: ContainerSpec, options: ManifestOptions): V1Job {
  const labels = {
    [RUN_LABEL]: spec.runId.toLowerCase(),
    [INSTALLATION_LABEL]: options.installation,
    'app.kubernetes.io/managed-by': 'task-engine',
  };
  const annotations = { [GROUP_ANNOTATION]: spec.group };
  const secrets = options.imagePullSecrets ?? [];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: jobName(spec.runId), labels, annotations },
    spec: {
      completions: 1,
      parallelism: 1,
      // another attempt is another run
      backoffLimit: 0,
      ttlSecondsAfterFinished: LEFTOVER_SECONDS,
      template: {
        metadata: { labels, annotations },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: options.terminationGraceSeconds ?? DEFAULT_GRACE_SECONDS,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
          ...(spec.extraHosts.length > 0 && { hostAliases: hostAliases(spec.extraHosts) }),
          ...(secrets.length > 0 && { imagePullSecrets: secrets.map((name) => ({ name })) }),
          containers: [container(spec, options)],
        },
      },
    },
  };
}

function container(spec: ContainerSpec, options: ManifestOptions): V1Container {
  const words = splitCommand(spec.command);
  const environment = Object.entries(spec.environment);
  const resources = resourcesOf(spec);
  return {
    name: CONTAINER,
    image: spec.image,
    ...(options.imagePullPolicy && { imagePullPolicy: options.imagePullPolicy }),
    ...(words.length > 0 && { args: words.map(literal) }),
    ...(environment.length > 0 && { env: environment.map(([name, value]) => ({ name, value: literal(value) })) }),
    ...(resources && { resources }),
    securityContext: {
      privileged: false,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    },
  };
}

/** Kubernetes replaces `$(NAME)` and makes `$$` one `$`, in arguments and in values. Doubled, each stands for itself. */
function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/** What a run may have is reserved for it too: else a node takes more than it has. */
function resourcesOf({ memoryBytes, cpus }: ContainerSpec): V1ResourceRequirements | undefined {
  const amounts = {
    ...(memoryBytes !== undefined && { memory: String(Math.ceil(memoryBytes)) }),
    ...(cpus !== undefined && { cpu: `${Math.max(1, Math.round(cpus * MILLICPUS))}m` }),
  };
  return Object.keys(amounts).length > 0 ? { limits: amounts, requests: { ...amounts } } : undefined;
}

/** One line of /etc/hosts for each address. */
function hostAliases(extraHosts: ContainerSpec['extraHosts']): V1HostAlias[] {
  const hostnames = new Map<string, string[]>();
  for (const [host, address] of extraHosts) hostnames.set(address, [...(hostnames.get(address) ?? []), host]);
  return [...hostnames].map(([ip, names]) => ({ ip, hostnames: names }));
}
