/** What a real API server answers, cut down to what identifies an object and what this runtime reads. */

export type Json = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any

export const NAMESPACE = 'batch-work';
const NODE = 'worker-node-2';
const CREATED = '2025-11-22T08:30:00Z';
const STARTED = '2025-11-22T08:30:04Z';
const FINISHED = '2025-11-22T08:30:09Z';

/** Of a Job, as the API adds them to what was sent. */
export function storedJob(sent: Json, resourceVersion: string): Json {
  return {
    ...sent,
    metadata: {
      ...sent.metadata,
      namespace: NAMESPACE,
      uid: '6a2b1c7e-5f0d-4c38-8d1a-0c1d2e3f4a5b',
      resourceVersion,
      generation: 1,
      creationTimestamp: CREATED,
      managedFields: [{ manager: 'node-fetch', operation: 'Update', apiVersion: 'batch/v1', time: CREATED }],
    },
    status: { active: 1, ready: 0, startTime: CREATED, uncountedTerminatedPods: {} },
  };
}

/** The Job controller's pod for a Job. */
export function podOf(job: Json, status: Json, more: Json = {}): Json {
  const template = job.spec.template;
  return {
    metadata: {
      name: `${job.metadata.name}-x7k2p`,
      generateName: `${job.metadata.name}-`,
      namespace: NAMESPACE,
      uid: 'c0ffee00-1111-4222-8333-444455556666',
      creationTimestamp: CREATED,
      labels: { ...template.metadata.labels, 'batch.kubernetes.io/job-name': job.metadata.name },
      annotations: template.metadata.annotations,
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata.name, uid: job.metadata.uid, controller: true },
      ],
      finalizers: ['batch.kubernetes.io/job-tracking'],
      ...more.metadata,
    },
    spec: { ...template.spec, ...(more.unscheduled ? {} : { nodeName: NODE }), ...more.spec },
    status,
  };
}

const condition = (type: string, status: string, reason?: string, message?: string): Json => ({
  type,
  status,
  lastProbeTime: null,
  lastTransitionTime: CREATED,
  ...(reason && { reason }),
  ...(message && { message }),
});

const container = (state: Json, more: Json = {}): Json => ({
  name: 'command',
  image: 'busybox:1.36',
  imageID: '',
  lastState: {},
  ready: false,
  restartCount: 0,
  started: false,
  state,
  ...more,
});

const waiting = (reason: string, message?: string): Json => ({
  phase: 'Pending',
  qosClass: 'BestEffort',
  hostIP: '10.0.3.12',
  startTime: CREATED,
  conditions: [condition('PodScheduled', 'True'), condition('Initialized', 'True')],
  containerStatuses: [container({ waiting: { reason, ...(message && { message }) } })],
});

/** Of a pod that no node has. */
export const unscheduled = (): Json => ({ phase: 'Pending', qosClass: 'BestEffort' });

export const unschedulable = (): Json => ({
  phase: 'Pending',
  qosClass: 'Guaranteed',
  conditions: [
    condition(
      'PodScheduled',
      'False',
      'Unschedulable',
      '0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.',
    ),
  ],
});

export const creating = (): Json => waiting('ContainerCreating');

export const errImagePull = (said: string): Json => waiting('ErrImagePull', said);

export const notFoundImage =
  'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nosuch:1": failed to resolve reference "docker.io/library/nosuch:1": docker.io/library/nosuch:1: not found';

export const registryDown =
  'failed to pull and unpack image "registry.example:5000/tool:1": failed to do request: Head "https://registry.example:5000/v2/tool/manifests/1": dial tcp 192.0.2.7:5000: i/o timeout';

export const imagePullBackOff = (image: string): Json =>
  waiting('ImagePullBackOff', `Back-off pulling image "${image}"`);

export const invalidImageName = (image: string): Json =>
  waiting(
    'InvalidImageName',
    `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`,
  );

export const createContainerConfigError = (): Json =>
  waiting(
    'CreateContainerConfigError',
    'container has runAsNonRoot and image will run as root (pod: "x", container: command)',
  );

export const running = (): Json => ({
  phase: 'Running',
  qosClass: 'BestEffort',
  hostIP: '10.0.3.12',
  podIP: '10.244.1.25',
  startTime: CREATED,
  conditions: [condition('PodScheduled', 'True'), condition('Initialized', 'True'), condition('Ready', 'True')],
  containerStatuses: [
    container(
      { running: { startedAt: STARTED } },
      {
        ready: true,
        started: true,
        containerID: 'containerd://1f2e3d',
        imageID: 'docker.io/library/busybox@sha256:9ae9',
      },
    ),
  ],
});

/** @param more of the pod's status, beside its container */
export const terminated = (exitCode: number, state: Json = {}, more: Json = {}): Json => ({
  phase: exitCode === 0 ? 'Succeeded' : 'Failed',
  qosClass: 'BestEffort',
  startTime: CREATED,
  containerStatuses: [
    container({
      terminated: {
        exitCode,
        reason: exitCode === 0 ? 'Completed' : 'Error',
        startedAt: STARTED,
        finishedAt: FINISHED,
        containerID: 'containerd://1f2e3d',
        ...state,
      },
    }),
  ],
  ...more,
});

export const startError = (said: string): Json =>
  terminated(128, { reason: 'StartError', message: said, startedAt: '1970-01-01T00:00:00Z' });

export const noSuchProgram =
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown';

export const notExecutable =
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/etc/passwd": permission denied: unknown';

export const evictionMessage =
  'The node was low on resource: memory. Threshold quantity: 100Mi, available: 80476Ki. Container command was using 812344Ki, request is 0, has larger consumption of memory.';

export const evicted = (): Json => ({
  phase: 'Failed',
  reason: 'Evicted',
  message: evictionMessage,
  startTime: CREATED,
  conditions: [condition('DisruptionTarget', 'True', 'TerminationByKubelet', evictionMessage)],
  containerStatuses: [
    container({
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
        startedAt: null,
        finishedAt: null,
      },
    }),
  ],
});

/** A node that was drained: the API asked for it, and the command heard TERM. */
export const drained = (): Json =>
  terminated(
    143,
    {},
    {
      conditions: [condition('DisruptionTarget', 'True', 'EvictionByEvictionAPI', 'Eviction API: evicting')],
    },
  );

export const outOfCpu = (): Json => ({
  phase: 'Failed',
  reason: 'OutOfcpu',
  message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 4000, used: 1250, capacity: 4000",
  startTime: CREATED,
});

export const failedJobStatus = (reason: string, message: string): Json => ({
  conditions: [condition('Failed', 'True', reason, message)],
  failed: 1,
  startTime: CREATED,
  uncountedTerminatedPods: {},
});

export const completeJobStatus = (): Json => ({
  conditions: [condition('Complete', 'True')],
  succeeded: 1,
  startTime: CREATED,
  completionTime: FINISHED,
  uncountedTerminatedPods: {},
});

export function warningEvent(reason: string, message: string, at = '2025-11-22T08:30:02Z'): Json {
  return {
    metadata: { name: `event.${reason.toLowerCase()}`, namespace: NAMESPACE, creationTimestamp: at },
    involvedObject: { kind: 'Job', namespace: NAMESPACE },
    reason,
    message,
    type: 'Warning',
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component: 'job-controller' },
  };
}

/** A `Status`, the API's answer to whatever it does not do. */
export function statusOf(code: number, reason: string, message: string, details?: Json): Json {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: code < 400 ? 'Success' : 'Failure',
    message,
    reason,
    ...(details && { details }),
    code,
  };
}

export const notFound = (resource: string, name: string): Json =>
  statusOf(404, 'NotFound', `${resource} "${name}" not found`, { name, kind: resource });

export const alreadyExists = (name: string): Json =>
  statusOf(409, 'AlreadyExists', `jobs.batch "${name}" already exists`, { name, group: 'batch', kind: 'jobs' });

export const forbidden = (verb: string, resource: string): Json =>
  statusOf(
    403,
    'Forbidden',
    `${resource} is forbidden: User "system:serviceaccount:batch-work:task-worker" cannot ${verb} resource "${resource.split('.')[0]}" in API group "${resource.split('.')[1] ?? ''}" in the namespace "batch-work"`,
    { kind: resource },
  );
