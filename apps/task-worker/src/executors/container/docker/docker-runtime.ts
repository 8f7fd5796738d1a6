import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  HostUnreachable,
  INSTALLATION_LABEL,
  PullFailure,
  StartFailure,
  type ContainerRuntime,
  type ContainerSpec,
  type Exit,
  type HostStatus,
  type OutputTaker,
  type Place,
  type PreparedHost,
  type RoomOf,
} from '../runtime';
import type { OutputStream } from '@task-engine/domain';
import { Container } from './container';
import { containerName, containerOptions, RUN_LABEL } from './container-settings';
import { dockerHostOf, parseDockerHost, type DockerHost, type TlsFiles } from './docker-host';
import { EngineConnection, EngineRefusal } from './engine-connection';
import { Farms } from './farms';
import { followOutput } from './follow-output';
import { onUsableHost } from './host-choice';
import { hostStatuses } from './host-statuses';
import { parseImage } from './image-reference';
import { pullImage } from './pull-image';
import { DEFAULT_LIMITS, type DockerRuntimeOptions, type RuntimeLimits } from './runtime-options';
import { splitCommand, UnbalancedQuotes } from './split-command';
import { waitForExit } from './wait-for-exit';

const DEFAULT_PIDS_LIMIT = 512;

/** A name is taken a while before its container can be seen, and after: by one that is just being made, or removed. */
const NAME_TAKEN_MS = 10_000;
const NAME_POLL_MS = 100;

/** A host that is asked for containers has this many times as long as for a ping. */
const LOOK_PINGS = 5;

const ALREADY_STARTED = 304;
const CONFLICT = 409;

/** Runs commands in containers of Docker, or of an engine that speaks its API, on one or several hosts. */
export class DockerRuntime implements ContainerRuntime {
  readonly kind = 'docker';
  readonly survivesWorker = true;
  private readonly farms: Farms;
  private readonly limits: RuntimeLimits;
  private readonly engines = new Map<string, EngineConnection>();
  private readonly closing = new AbortController();

  /** @throws Error for a host or a regular expression that is none */
  constructor(private readonly options: DockerRuntimeOptions) {
    this.farms = new Farms(options.farms);
    // One for every call that runs: many is no leak.
    setMaxListeners(0, this.closing.signal);
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  async prepare(spec: ContainerSpec, signal: AbortSignal, room: RoomOf = async () => true): Promise<PreparedHost> {
    signal.throwIfAborted();
    const image = parseImage(spec.image);
    if (!image) throw new PullFailure(`Invalid image name: "${spec.image}"`);
    const { registry, pullPolicy = 'missing', log } = this.options;
    const { farms, limits } = this;
    const { host, port } = await onUsableHost(
      { farms, registry, limits, engineOf: (each) => this.engineOf(each), room },
      spec.group,
      signal,
      (engine) => pullImage(engine, image, { policy: pullPolicy, limits, log }, signal),
    );
    return { host, port };
  }

  async start(spec: ContainerSpec, { host, port }: PreparedHost): Promise<Place> {
    const engine = this.engineOf(dockerHostOf({ host, port }));
    const { container, started } = await this.create(spec, engine);
    const place = { host, port, containerId: container.id };
    if (started) return place;
    try {
      await engine.call({ seconds: this.limits.requestSeconds }, (docker, abortSignal) =>
        docker.getContainer(container.id).start({ abortSignal }),
      );
    } catch (error) {
      if (!(error instanceof EngineRefusal)) throw error;
      if (error.status === ALREADY_STARTED) return place;
      const found = await container.inspect();
      await container.remove();
      throw new StartFailure(error.message, shellExitCode(error.message, found?.State.ExitCode), { cause: error });
    }
    return place;
  }

  /**
   * All hosts of the group's farms are asked, the blacklisted and those with an open circuit too, unless the known one has it. One that was created
   * and never started is none: it is removed, so that the run is not started twice, now and on another host.
   */
  async find(spec: ContainerSpec, known: Place | undefined): Promise<Place | undefined> {
    const knownHost = known && placeHost(known);
    const first = knownHost && (await this.findOn(knownHost, spec));
    if (first) return first;
    const others = this.farms.allOf(spec.group).filter(({ name }) => name !== knownHost?.name);
    const answers = await Promise.allSettled(others.map((host) => this.findOn(host, spec)));
    const found = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined)).find(Boolean);
    const failure = answers.find((answer) => answer.status === 'rejected');
    if (!found && failure) throw failure.reason;
    return found;
  }

  async follow(
    place: Place,
    skip: Readonly<Record<OutputStream, number>>,
    take: OutputTaker,
    signal: AbortSignal,
  ): Promise<void> {
    await followOutput(this.containerAt(place), skip, take, this.limits, signal);
  }

  async wait(place: Place, signal: AbortSignal): Promise<Exit> {
    return waitForExit(this.containerAt(place), this.limits, signal);
  }

  async stop(place: Place, graceSeconds: number): Promise<void> {
    await this.containerAt(place).stop(graceSeconds);
  }

  async remove(place: Place): Promise<void> {
    await this.containerAt(place).remove();
  }

  async all(): Promise<(Place & { runId: string })[]> {
    const label = [RUN_LABEL, `${INSTALLATION_LABEL}=${await this.options.installation()}`];
    const answers = await Promise.allSettled(this.farms.all().map((host) => this.allOn(host, label)));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  }

  async hosts(): Promise<HostStatus[]> {
    return hostStatuses(
      this.farms.all().map((host) => this.engineOf(host)),
      this.options.registry,
      this.limits.pingSeconds,
    );
  }

  async close(): Promise<void> {
    this.closing.abort(new Error('this worker is ending its connections'));
  }

  /**
   * The run's container, made now or there before; `started` when it has been.
   * @throws StartFailure, HostUnreachable
   */
  private async create(
    spec: ContainerSpec,
    engine: EngineConnection,
  ): Promise<{ container: Container; started: boolean }> {
    const image = parseImage(spec.image);
    if (!image) throw new StartFailure(`Invalid image name: "${spec.image}"`);
    const words = wordsOf(spec.command);
    const seconds = this.limits.requestSeconds;
    const facts = await engine.facts({ seconds });
    const installation = await this.options.installation();
    const { pidsLimit = DEFAULT_PIDS_LIMIT, network } = this.options;
    const body = containerOptions(spec, { image, words, pidsLimit, network, facts, installation });
    const name = containerName(spec.runId);
    const deadline = Date.now() + NAME_TAKEN_MS;
    for (;;) {
      try {
        const created = await engine.request<{ Id: string }>(
          { seconds },
          { method: 'POST', path: '/containers/create', query: { name }, body },
        );
        return { container: this.container(engine, created.Id), started: false };
      } catch (error) {
        if (!(error instanceof EngineRefusal)) throw error;
        if (error.status !== CONFLICT) throw new StartFailure(error.message, null, { cause: error });
        const existing = await this.container(engine, name).inspectStarted();
        if (existing) {
          return { container: this.container(engine, existing.Id), started: existing.State.Status !== 'created' };
        }
        if (Date.now() > deadline) throw engine.unreachable(error);
      }
      await delay(NAME_POLL_MS);
    }
  }

  private async findOn(host: DockerHost, spec: ContainerSpec): Promise<Place | undefined> {
    const container = this.container(this.engineOf(host), containerName(spec.runId));
    const found = await container.inspectStarted({ seconds: this.limits.pingSeconds * LOOK_PINGS });
    if (!found) return undefined;
    if (found.State.Status !== 'created') return { host: host.host, port: host.port, containerId: found.Id };
    this.options.log?.(`${host.name}: removes ${containerName(spec.runId)}, which was created and never started`);
    await container.remove();
    return undefined;
  }

  private async allOn(host: DockerHost, label: string[]): Promise<(Place & { runId: string })[]> {
    const found = await this.engineOf(host).call(
      { seconds: this.limits.pingSeconds * LOOK_PINGS, counts: false },
      (docker, abortSignal) => docker.listContainers({ all: true, filters: { label }, abortSignal }),
    );
    return found.map(({ Id, Labels }) => ({
      host: host.host,
      port: host.port,
      containerId: Id,
      runId: Labels[RUN_LABEL] ?? '',
    }));
  }

  private containerAt(place: Place): Container {
    return this.container(this.engineOf(dockerHostOf(place)), place.containerId);
  }

  private container(engine: EngineConnection, idOrName: string): Container {
    return new Container(engine, idOrName, this.limits.requestSeconds);
  }

  private engineOf(host: DockerHost): EngineConnection {
    let engine = this.engines.get(host.name);
    if (!engine) {
      engine = new EngineConnection(host, {
        tls: this.options.tls,
        closing: this.closing.signal,
        onUnreachable: (each, error, first) => this.countFailure(each, error, first),
      });
      this.engines.set(host.name, engine);
    }
    return engine;
  }

  /** A registry that cannot be asked must not hide what happened to the run. */
  private async countFailure(host: DockerHost, error: HostUnreachable, first: boolean): Promise<void> {
    if (first) this.options.log?.(`Docker host ${error.message}`);
    try {
      await this.options.registry.failed(host.name, error.message);
    } catch (fault) {
      this.options.log?.(`The failure of ${host.name} was not counted: ${String(fault)}`);
    }
  }
}

/** Whether an engine answers at `host` (`host:port` or `unix:///path`) within 2 s. False also for what is no host. */
export async function dockerAnswers(host: string, tls?: TlsFiles): Promise<boolean> {
  const closing = new AbortController();
  try {
    const engine = new EngineConnection(parseDockerHost(host), {
      tls,
      closing: closing.signal,
      onUnreachable: async () => undefined,
    });
    await engine.ping({ seconds: DEFAULT_LIMITS.pingSeconds, counts: false });
    return true;
  } catch {
    return false;
  }
}

/** Undefined for a place that another runtime has noted: this worker's may have been changed. */
function placeHost(place: Place): DockerHost | undefined {
  try {
    return dockerHostOf(place);
  } catch {
    return undefined;
  }
}

function wordsOf(command: string): string[] {
  try {
    return splitCommand(command);
  } catch (error) {
    throw error instanceof UnbalancedQuotes ? new StartFailure(error.message, null, { cause: error }) : error;
  }
}

/** Docker notes it on the container; Podman says it only in words. */
function shellExitCode(message: string, noted: number | undefined): 126 | 127 | null {
  if (noted === 126 || noted === 127) return noted;
  if (!/exec|container process/i.test(message)) return null;
  if (/permission denied/i.test(message)) return 126;
  return /not found|no such file or directory/i.test(message) ? 127 : null;
}
