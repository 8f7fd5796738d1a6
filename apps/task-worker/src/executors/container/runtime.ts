import type { OutputStream } from '@task-engine/domain';

/** What a run wants to have executed. */
export interface ContainerSpec {
  /** UUID of the run. The container is named after it (`fastlane-job-<id>`), so that it is found again by another worker. */
  readonly runId: string;
  /** Name of the group its command belongs to: hosts are chosen by it. */
  readonly group: string;
  /** `[registry[:port]/]name[:tag][@digest]`; without a tag `latest` is meant. */
  readonly image: string;
  /** One string, split into words as a shell does (quotes and backslashes), but no shell reads it. */
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Further lines of /etc/hosts: host, address. */
  readonly extraHosts: readonly (readonly [string, string])[];
  /** Bytes; undefined: no limit of its own. */
  readonly memoryBytes?: number;
  /** CPUs, fractions allowed; undefined: no limit of its own. */
  readonly cpus?: number;
}

/** Label of every container: the installation it is of. Others may use the same hosts, and theirs are let alone. */
export const INSTALLATION_LABEL = 'task-engine.installation';

/** Which installation this is. Asked when it is needed: a worker may be up before there is a schema, or PostgreSQL. */
export type InstallationOf = () => Promise<string>;

/** Where a container runs. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** Id of the container; of a process the process id, of a pod its name. */
  readonly containerId: string;
}

export interface Exit {
  /** Null when the runtime cannot tell it. 128 + n for a process that signal n ended. */
  readonly exitCode: number | null;
  /** What the runtime has to say beside the command's own output: killed for want of memory, evicted, vanished. */
  readonly error?: string;
}

/** Whether the run may go to the farm at this place in DOCKER_HOSTS, from 0; the run counts there from then on. */
export type RoomOf = (farm: number) => Promise<boolean>;

/** Takes output as it comes; one that answers a promise is waited for before more is read. */
export type OutputTaker = (stream: OutputStream, bytes: Buffer) => void | Promise<void>;

export interface HostStatus {
  readonly host: string;
  readonly port: number;
  readonly available: boolean;
  readonly blacklisted: boolean;
  readonly circuit: 'closed' | 'open' | 'half-open';
  /** Why it is not available; null when it is. */
  readonly error: string | null;
}

/**
 * Where commands run. One implementation for each kind; all state that has to survive a worker is in the runtime itself (the container's
 * name) or in PostgreSQL. Every method may be called by any worker.
 */
export interface ContainerRuntime {
  readonly kind: 'docker' | 'kubernetes' | 'host';
  /** What runs goes on when its worker ends, and is found again by another. */
  readonly survivesWorker: boolean;
  /**
   * Chooses a host and makes the image ready on it.
   * @param room asked before a host is used where several farms are for the group
   * @throws PullFailure, FarmFull, NoHostAvailable, HostUnreachable (worth another try soon), or the reason of the signal
   */
  prepare(spec: ContainerSpec, signal: AbortSignal, room?: RoomOf): Promise<PreparedHost>;
  /**
   * Creates and starts the container, exactly one for each run: when one of that name is there already (a worker died between) it is that one.
   * @param signal ends the wait for it where that may be long; what was made is left to the next worker
   * @param isWanted asked then: what nobody wants any more is removed
   * @throws StartFailure: it is not there afterwards; HostUnreachable: it may be; the reason of the signal
   */
  start(spec: ContainerSpec, host: PreparedHost, signal: AbortSignal, isWanted: () => boolean): Promise<Place>;
  /** The container of the run, running or ended, wherever it is; undefined when there is none. @throws HostUnreachable when a host that may have it cannot be asked */
  find(spec: ContainerSpec, known: Place | undefined): Promise<Place | undefined>;
  /**
   * Hands over the output from the first byte on, the two streams apart, and resolves when the container has ended and all of it was handed
   * over. `skip` bytes of each stream are known already and left out. @throws HostUnreachable: call again with what is known by then
   */
  follow(
    place: Place,
    skip: Readonly<Record<OutputStream, number>>,
    take: OutputTaker,
    signal: AbortSignal,
  ): Promise<void>;
  /** Waits for the end. @throws HostUnreachable */
  wait(place: Place, signal: AbortSignal): Promise<Exit>;
  /** TERM, and KILL after `graceSeconds`; resolves when it has ended. One that is gone is stopped. @throws HostUnreachable */
  stop(place: Place, graceSeconds: number): Promise<void>;
  /** Removes what is left of an ended container. One that is gone is removed. @throws HostUnreachable */
  remove(place: Place): Promise<void>;
  /** Every container of this installation, running or ended, on hosts that answer. */
  all(): Promise<(Place & { runId: string })[]>;
  /** Every host, those that are available first. Never throws. */
  hosts(): Promise<HostStatus[]>;
  /** Ends connections. */
  close(): Promise<void>;
}

/** A host with the image on it, as `prepare` answers it to `start`; what else is in it is the runtime's own. */
export interface PreparedHost {
  readonly host: string;
  readonly port: number;
}

/** The image cannot be had: unknown, refused, or its registry does not answer. */
export class PullFailure extends Error {
  override name = 'PullFailure';
}

/** No host may be used: none matches, or all are blacklisted or out of reach. */
export class NoHostAvailable extends Error {
  override name = 'NoHostAvailable';
  /** @param forNow one of them may come back by itself */
  constructor(
    message: string,
    readonly forNow: boolean,
  ) {
    super(message);
  }
}

/** Hosts answer, but their farms run as much as they may: worth another try, for as long as it takes. */
export class FarmFull extends Error {
  override name = 'FarmFull';
}

/** The container cannot be started: no such command, a bad setting. */
export class StartFailure extends Error {
  override name = 'StartFailure';
  constructor(
    message: string,
    /** 126 or 127 as a shell says it, when the runtime can tell; else null. */
    readonly exitCode: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A host did not answer. Nothing is known about the container. */
export class HostUnreachable extends Error {
  override name = 'HostUnreachable';
}
