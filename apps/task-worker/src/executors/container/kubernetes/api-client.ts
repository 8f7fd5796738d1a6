import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  BatchV1Api,
  ConfigurationOptions,
  CoreV1Api,
  CoreV1Event,
  KubeConfig,
  V1Job,
  V1Pod,
  VersionApi,
} from '@kubernetes/client-node';
import { limited } from '../docker/limited';
import type { StreamWatch } from '../docker/read-stream';
import { INSTALLATION_LABEL } from '../runtime';
import { type ApiRefusal, failureOf, type Permission, retryAfterSeconds, statusOf } from './api-refusal';
import { CONTAINER, jobName, RUN_LABEL } from './job-manifest';
import { openLog, readLog, type LogStream } from './log-stream';
import { watchObjects } from './watch-objects';

/** The client is an ES module of 60 MB in memory: only a worker that uses it loads it. */
type Library = typeof import('@kubernetes/client-node');

const NOT_FOUND = 404;
const CONFLICT = 409;
/** A server that asks for patience gets so many tries in all, none of them after a longer pause than this, in seconds. */
const TRIES = 3;
const LONGEST_PAUSE_SECONDS = 3;

/** What is said of a pod at one moment. */
export interface Sighting {
  readonly pod: V1Pod;
  /** The API has it no more; `pod` is the last it had. */
  readonly gone: boolean;
}

export interface Pods {
  /** Those that are there, the oldest first. */
  readonly pods: readonly V1Pod[];
  /** What follows this can be watched. */
  readonly version: string | undefined;
}

/** A pod by its name, or whatever pods a run has. */
export type PodSelector = { readonly name: string } | { readonly runId: string };

export interface ApiClientOptions {
  readonly library: Library;
  readonly config: KubeConfig;
  readonly namespace: string;
  /** For each answer. */
  readonly requestSeconds: number;
}

/**
 * The requests of this runtime, each with a time limit. A request ends in one of four ways: its answer, ApiRefusal, HostUnreachable, or the
 * reason of the caller's signal.
 */
export class ApiClient {
  readonly host: string;
  readonly port: number;
  readonly namespace: string;
  private readonly batch: BatchV1Api;
  private readonly core: CoreV1Api;
  private readonly versions: VersionApi;
  private readonly closing = new AbortController();

  /** @throws Error when the configuration names no server */
  constructor(private readonly options: ApiClientOptions) {
    const { library, config } = options;
    const server = new URL(config.getCurrentCluster()?.server ?? '');
    this.host = server.hostname;
    this.port = Number(server.port) || (server.protocol === 'http:' ? 80 : 443);
    this.namespace = options.namespace;
    this.batch = config.makeApiClient(library.BatchV1Api);
    this.core = config.makeApiClient(library.CoreV1Api);
    this.versions = config.makeApiClient(library.VersionApi);
    // a request each of many runs is no leak
    setMaxListeners(0, this.closing.signal);
  }

  /** Whether the API answers. */
  async version(signal?: AbortSignal): Promise<void> {
    await this.call({ verb: 'get', resource: '/version' }, signal, (options) => this.versions.getCode({}, options));
  }

  /** False when the run has one. */
  async createJob(body: V1Job): Promise<boolean> {
    const created = await this.unless([CONFLICT], () =>
      this.call({ verb: 'create', resource: 'jobs.batch' }, undefined, (options) =>
        this.batch.createNamespacedJob({ namespace: this.namespace, body }, options),
      ),
    );
    return created !== undefined;
  }

  async readJob(runId: string, signal?: AbortSignal): Promise<V1Job | undefined> {
    const name = jobName(runId);
    return this.unless([NOT_FOUND], () =>
      this.call({ verb: 'get', resource: 'jobs.batch' }, signal, (options) =>
        this.batch.readNamespacedJob({ name, namespace: this.namespace }, options),
      ),
    );
  }

  /** With its pods. One that is gone is deleted. */
  async deleteJob(runId: string): Promise<void> {
    const name = jobName(runId);
    await this.unless([NOT_FOUND], () =>
      this.call({ verb: 'delete', resource: 'jobs.batch' }, undefined, (options) =>
        this.batch.deleteNamespacedJob({ name, namespace: this.namespace, propagationPolicy: 'Background' }, options),
      ),
    );
  }

  /** Every Job of the installation. From the server's cache: this is asked often, and may be a moment old. */
  async jobs(installation: string): Promise<V1Job[]> {
    const { items } = await this.call({ verb: 'list', resource: 'jobs.batch' }, undefined, (options) =>
      this.batch.listNamespacedJob(
        { namespace: this.namespace, labelSelector: `${INSTALLATION_LABEL}=${installation}`, resourceVersion: '0' },
        options,
      ),
    );
    return items;
  }

  /** Every pod of the installation, from the cache as `jobs`. */
  async allPods(installation: string): Promise<V1Pod[]> {
    const { items } = await this.call({ verb: 'list', resource: 'pods' }, undefined, (options) =>
      this.core.listNamespacedPod(
        { namespace: this.namespace, labelSelector: `${INSTALLATION_LABEL}=${installation}`, resourceVersion: '0' },
        options,
      ),
    );
    return items;
  }

  async pods(selector: PodSelector, signal?: AbortSignal): Promise<Pods> {
    const list = await this.call({ verb: 'list', resource: 'pods' }, signal, (options) =>
      this.core.listNamespacedPod({ namespace: this.namespace, ...selection(selector) }, options),
    );
    const created = ({ metadata }: V1Pod) => metadata?.creationTimestamp?.getTime() ?? 0;
    const pods = [...list.items].sort((one, other) => created(one) - created(other));
    return { pods, version: list.metadata?.resourceVersion };
  }

  async readPod(name: string, signal?: AbortSignal): Promise<V1Pod | undefined> {
    return this.unless([NOT_FOUND], () =>
      this.call({ verb: 'get', resource: 'pods' }, signal, (options) =>
        this.core.readNamespacedPod({ name, namespace: this.namespace }, options),
      ),
    );
  }

  /** TERM now, KILL after `graceSeconds`. One that is gone is deleted. */
  async deletePod(name: string, graceSeconds: number): Promise<void> {
    await this.unless([NOT_FOUND], () =>
      this.call({ verb: 'delete', resource: 'pods' }, undefined, (options) =>
        this.core.deleteNamespacedPod({ name, namespace: this.namespace, gracePeriodSeconds: graceSeconds }, options),
      ),
    );
  }

  /** The newest warning about an object. Undefined also where events may not be read: they only explain. */
  async lastWarning(uid: string | undefined): Promise<CoreV1Event | undefined> {
    if (uid === undefined) return undefined;
    const fieldSelector = `involvedObject.uid=${uid},type=Warning`;
    const events = await this.unless(undefined, () =>
      this.call({ verb: 'list', resource: 'events' }, undefined, (options) =>
        this.core.listNamespacedEvent({ namespace: this.namespace, fieldSelector }, options),
      ),
    );
    const time = (event: CoreV1Event) => (event.lastTimestamp ?? event.metadata.creationTimestamp)?.getTime() ?? 0;
    return events?.items.sort((one, other) => time(one) - time(other)).at(-1);
  }

  /**
   * Looks at pods as they change, until `look` answers something; undefined when that was not within `seconds`, or the server ended it before.
   * @throws ApiRefusal, what `look` throws, or the reason of the signal; a server that goes away is for the next request to notice
   */
  async watchPods<T>(
    selector: PodSelector,
    watch: { readonly version: string | undefined; readonly seconds: number; readonly signal: AbortSignal },
    look: (sighting: Sighting) => T | undefined,
  ): Promise<T | undefined> {
    const { library, config } = this.options;
    try {
      return await watchObjects<V1Pod, T>(
        new library.Watch(config),
        {
          path: `/api/v1/namespaces/${encodeURIComponent(this.namespace)}/pods`,
          query: { ...selection(selector), resourceVersion: watch.version },
          seconds: watch.seconds,
          signals: [watch.signal, this.closing.signal],
        },
        (type, pod) => look({ pod, gone: type === 'DELETED' }),
      );
    } catch (error) {
      if (statusOf(error) === undefined && !this.isClosing(error)) throw error;
      throw this.failure(error, { verb: 'watch', resource: 'pods' });
    }
  }

  /**
   * Opens the log of a pod's command, from the first byte that is still there, for as long as it is written. Whoever gets it must `read` it.
   */
  async openLog(pod: string, signal: AbortSignal): Promise<LogStream> {
    const { library, config } = this.options;
    return this.limited({ verb: 'get', resource: 'pods/log' }, signal, (limit) =>
      openLog(library.Log, config, { namespace: this.namespace, pod, container: CONTAINER }, limit),
    );
  }

  /** @throws StreamBroken, HostUnreachable after `close`, what `take` or `onQuiet` throw, or the reason of a signal */
  async readLog(
    log: LogStream,
    watch: StreamWatch,
    take: (chunk: Buffer) => void | Promise<void>,
  ): Promise<'ended' | 'over'> {
    try {
      return await readLog(log, { ...watch, signals: [...watch.signals, this.closing.signal] }, take);
    } catch (error) {
      throw this.isClosing(error) ? this.failure(error, { verb: 'get', resource: 'pods/log' }) : error;
    }
  }

  /** Ends every request. */
  close(): void {
    this.closing.abort(new Error('this worker is ending its connections'));
  }

  private async call<T>(
    permission: Permission,
    signal: AbortSignal | undefined,
    work: (options: ConfigurationOptions) => Promise<T>,
  ): Promise<T> {
    return this.limited(permission, signal, async (limit) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await work(this.withSignal(limit));
        } catch (error) {
          const pause = retryAfterSeconds(error);
          if (pause === undefined || pause > LONGEST_PAUSE_SECONDS || tries === TRIES) throw error;
          await delay(pause * 1_000, undefined, { signal: limit });
        }
      }
    });
  }

  private async limited<T>(
    permission: Permission,
    signal: AbortSignal | undefined,
    work: (limit: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const signals = signal ? [signal, this.closing.signal] : [this.closing.signal];
    try {
      return await limited({ signals, seconds: this.options.requestSeconds }, work);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.failure(error, permission);
    }
  }

  /** Undefined instead of a refusal with one of these statuses, or of any when none is given. */
  private async unless<T>(statuses: readonly number[] | undefined, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const { name, status } = error as ApiRefusal;
      if (name !== 'ApiRefusal' || (statuses && !statuses.includes(status))) throw error;
      return undefined;
    }
  }

  private isClosing(error: unknown): boolean {
    return this.closing.signal.aborted && error === this.closing.signal.reason;
  }

  private failure(error: unknown, permission: Permission) {
    return failureOf(error, { ...permission, server: `${this.host}:${this.port}`, namespace: this.namespace });
  }

  /** The generated methods take a signal only in this way. */
  private withSignal(signal: AbortSignal): ConfigurationOptions {
    const { Observable } = this.options.library;
    return {
      middleware: [
        {
          pre: (request) => {
            request.setSignal(signal);
            return new Observable(Promise.resolve(request));
          },
          post: (response) => new Observable(Promise.resolve(response)),
        },
      ],
    };
  }
}

function selection(selector: PodSelector): { fieldSelector: string } | { labelSelector: string } {
  return 'name' in selector
    ? { fieldSelector: `metadata.name=${selector.name}` }
    : { labelSelector: `${RUN_LABEL}=${selector.runId}` };
}
