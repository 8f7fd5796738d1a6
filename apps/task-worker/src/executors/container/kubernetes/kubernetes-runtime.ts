import type { OutputStream } from '@task-engine/domain';
import type { KubeConfig, V1Pod } from '@kubernetes/client-node';
import { parseImage } from '../docker/image-reference';
import {
  type ContainerRuntime,
  type ContainerSpec,
  type Exit,
  type HostStatus,
  HostUnreachable,
  NoHostAvailable,
  type OutputTaker,
  type Place,
  type PreparedHost,
  PullFailure,
} from '../runtime';
import { ApiClient } from './api-client';
import { ApiRefusal } from './api-refusal';
import { followLog } from './follow-log';
import { runIdOf } from './job-manifest';
import { hasEnded, startupOf } from './pod-state';
import { DEFAULT_LIMITS, type KubernetesLimits, type KubernetesRuntimeOptions } from './runtime-options';
import { startJob } from './start-job';
import { exitAt, waitForEnd } from './wait-for-end';

const UNAUTHORIZED = 401;

/**
 * Runs each command as a Job of a Kubernetes cluster. A place is the API server and the name of the Job's pod.
 *
 * The worker's role needs, in the namespace: `jobs.batch` create, get, list, delete; `pods` get, list, watch, delete; `pods/log` get; and `events`
 * list where an operator wants to read why a pod did not start.
 */
export class KubernetesRuntime implements ContainerRuntime {
  readonly kind = 'kubernetes';
  readonly survivesWorker = true;
  /** Pods that this worker has deleted: that they were is no news. */
  private readonly stopped = new Set<string>();

  private constructor(
    private readonly client: ApiClient,
    private readonly options: KubernetesRuntimeOptions,
    private readonly limits: KubernetesLimits,
  ) {}

  /**
   * Reads the configuration; asks no server yet.
   * @throws Error when there is no usable configuration
   */
  static async connect(options: KubernetesRuntimeOptions): Promise<KubernetesRuntime> {
    const library = await import('@kubernetes/client-node');
    const config = new library.KubeConfig();
    load(config, options.kubeconfig);
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const context = config.getContextObject(config.getCurrentContext());
    const namespace = options.namespace ?? context?.namespace ?? 'default';
    const client = new ApiClient({ library, config, namespace, requestSeconds: limits.requestSeconds });
    return new KubernetesRuntime(client, options, limits);
  }

  /** The API server. Which node runs the command and pulls its image, the cluster decides later. */
  async prepare(spec: ContainerSpec, signal: AbortSignal): Promise<PreparedHost> {
    signal.throwIfAborted();
    if (!parseImage(spec.image)) throw new PullFailure(`Invalid image name: "${spec.image}"`);
    const refusal = await this.refusal(signal);
    if (refusal) throw new NoHostAvailable(refusal.message, false);
    return this.host;
  }

  async start(
    spec: ContainerSpec,
    _host: PreparedHost,
    signal: AbortSignal = new AbortController().signal,
    isWanted: () => boolean = () => true,
  ): Promise<Place> {
    const { limits } = this;
    const installation = await this.options.installation();
    return this.placeOf(
      await startJob(this.client, spec, { ...this.options, limits, installation }, { signal, isWanted }),
    );
  }

  /**
   * The pod of the run that runs or has run its command, or the known one as long as it has a Job: that says how it ended. A pod that has not come
   * so far is left to `start`, which knows what to wait for.
   */
  async find(spec: ContainerSpec, known: Place | undefined): Promise<Place | undefined> {
    return this.reaching(async () => {
      const { pods } = await this.client.pods({ runId: spec.runId.toLowerCase() });
      const found = pods.find((pod) => nameOf(pod) === known?.containerId || startupOf(pod).is === 'started');
      if (found) return this.placeOf(nameOf(found));
      if (!known || runIdOf(known.containerId) !== spec.runId.toLowerCase()) return undefined;
      return (await this.client.readJob(spec.runId)) && known;
    });
  }

  /**
   * All output is stdout: Kubernetes keeps the two streams as one. `skip.stdout + skip.stderr` bytes of it are left out. A node keeps only the
   * newest 10 MiB of a log (`containerLogMaxSize` of the kubelet): what a run has written beyond that while no worker followed it is lost.
   */
  async follow(
    place: Place,
    skip: Readonly<Record<OutputStream, number>>,
    take: OutputTaker,
    signal: AbortSignal,
  ): Promise<void> {
    const known = skip.stdout + skip.stderr;
    await this.reaching(() => followLog(this.client, place.containerId, known, take, this.limits, signal));
  }

  async wait(place: Place, signal: AbortSignal): Promise<Exit> {
    const pod = place.containerId;
    return this.reaching(async () => {
      const ending = await waitForEnd(this.client, pod, this.limits, signal);
      return exitAt(this.client, pod, ending, this.stopped.has(pod), signal);
    });
  }

  /**
   * Deletes the pod; there is no other way to end a command. The kubelet writes the exit code into the pod before it lets go of it, and a `wait`
   * that runs meanwhile sees it. One that comes too late answers no exit code, and says so.
   */
  async stop(place: Place, graceSeconds: number): Promise<void> {
    const pod = place.containerId;
    await this.reaching(async () => {
      const found = await this.client.readPod(pod);
      // with an ended pod its log would go
      if (!found || hasEnded(found, false)) return;
      this.stopped.add(pod);
      // 0 would not end the command sooner: it makes the API forget the pod before the node has ended it
      await this.client.deletePod(pod, Math.max(1, Math.ceil(graceSeconds)));
      await waitForEnd(this.client, pod, this.limits, new AbortController().signal);
    });
  }

  async remove(place: Place): Promise<void> {
    const runId = runIdOf(place.containerId);
    if (runId !== undefined) await this.reaching(() => this.client.deleteJob(runId));
    this.stopped.delete(place.containerId);
  }

  /** Jobs without a pod too, each under its own name: nothing else would remove one that never gets any. */
  async all(): Promise<(Place & { runId: string })[]> {
    const installation = await this.options.installation();
    try {
      const [jobs, pods] = await Promise.all([this.client.jobs(installation), this.client.allPods(installation)]);
      const withPod = new Set(pods.map((pod) => runIdOf(nameOf(pod))));
      const lonely = jobs.map(nameOf).filter((name) => !withPod.has(runIdOf(name)));
      return [...pods.map(nameOf), ...lonely].flatMap((name) => {
        const runId = runIdOf(name);
        return runId === undefined ? [] : [{ ...this.placeOf(name), runId }];
      });
    } catch (error) {
      if (error instanceof HostUnreachable) return [];
      throw error;
    }
  }

  async hosts(): Promise<HostStatus[]> {
    const error = await this.refusal().then(
      (refusal) => refusal?.message ?? null,
      (failure: unknown) => (failure instanceof Error ? failure.message : String(failure)),
    );
    return [{ ...this.host, available: error === null, blacklisted: false, circuit: 'closed', error }];
  }

  async close(): Promise<void> {
    this.client.close();
  }

  private get host(): PreparedHost {
    return { host: this.client.host, port: this.client.port };
  }

  private placeOf(containerId: string): Place {
    return { ...this.host, containerId };
  }

  /**
   * Why the API does not do anything for this worker; undefined when it may. Who may not ask for its version may still make Jobs.
   * @throws HostUnreachable
   */
  private async refusal(signal?: AbortSignal): Promise<ApiRefusal | undefined> {
    try {
      await this.client.version(signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      return error.status === UNAUTHORIZED ? error : undefined;
    }
  }

  /**
   * What was allowed and is no more is as good as out of reach: an API server that has just started refuses what it will allow in a moment, and
   * the command goes on meanwhile.
   */
  private async reaching<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApiRefusal) throw new HostUnreachable(error.message, { cause: error });
      throw error;
    }
  }
}

function load(config: KubeConfig, kubeconfig: string | undefined): void {
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
    new URL(config.getCurrentCluster()?.server ?? '');
  } catch (error) {
    const from =
      kubeconfig === undefined
        ? 'This worker does not run in a Kubernetes pod with a service account'
        : `The kubeconfig file ${kubeconfig} cannot be used`;
    throw new Error(`${from}: ${(error as Error).message}`, { cause: error });
  }
}

function nameOf({ metadata }: Pick<V1Pod, 'metadata'>): string {
  return metadata?.name ?? '';
}
