import { constants, hostname } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { OutputStream } from '@task-engine/domain';
import { ProgramNotFound, type RunningProcess, startProcess } from '../process-group';
import { removeFolder } from '../remove-folder';
import { splitCommand, UnbalancedQuotes } from './docker/split-command';
import { Spawners } from './spawner';
import {
  type ContainerRuntime,
  type ContainerSpec,
  type Exit,
  type HostStatus,
  type OutputTaker,
  type Place,
  type PreparedHost,
  StartFailure,
} from './runtime';

/** Pipes may be held open by a process that left the group: how long nothing may come of them before they count as read, in milliseconds. */
const PIPE_IDLE_MS = 1_000;
/** And how many looks there are at them at most, since what holds them open may also write. */
const PIPE_LOOKS = 20;
/** As a shell says it. */
const NOT_FOUND = 127;

interface Held {
  runId: string;
  place: Place;
  process: RunningProcess;
  folder: string;
}

/**
 * Runs commands as processes of this worker, each in a process group and an empty folder of its own. For machines without a container
 * engine: the image is recorded, not used, and there is no isolation but the user's rights. What runs ends with its worker.
 */
export class HostRuntime implements ContainerRuntime {
  readonly kind = 'host';
  readonly survivesWorker = false;
  private readonly held = new Map<string, Held>();
  private readonly spawner = new Spawners();
  private readonly here: PreparedHost = { host: hostname(), port: 0 };

  /** @param folder in which each command gets one of its own */
  constructor(private readonly folder: string) {}

  prepare(): Promise<PreparedHost> {
    return Promise.resolve(this.here);
  }

  async start(spec: ContainerSpec, host: PreparedHost): Promise<Place> {
    if (spec.memoryBytes !== undefined || spec.cpus !== undefined)
      throw new StartFailure('Memory and CPU limits need containers; this worker runs commands as processes.');
    const argv = wordsOf(spec.command);
    const folder = join(this.folder, spec.runId);
    try {
      const process = await startProcess({ argv, cwd: folder, environment: spec.environment }, this.spawner.launch);
      // Nobody reads yet, and Node throws away what an ended program has left that nobody waits for.
      for (const stream of [process.stdout, process.stderr]) stream.on('readable', () => undefined);
      const place = { ...host, containerId: String(process.pid) };
      this.held.set(place.containerId, { runId: spec.runId, place, process, folder });
      return place;
    } catch (error) {
      await removeFolder(folder);
      if (error instanceof ProgramNotFound) throw new StartFailure(error.message, NOT_FOUND, { cause: error });
      throw new StartFailure((error as Error).message, null, { cause: error });
    }
  }

  /** Whatever another worker had has ended with it. */
  find(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async follow(
    place: Place,
    _skip: Readonly<Record<OutputStream, number>>,
    take: OutputTaker,
    signal: AbortSignal,
  ): Promise<void> {
    const held = this.held.get(place.containerId);
    if (!held) return;
    const { stdout, stderr, ended } = held.process;
    let lastRead = Date.now();
    // while one waits for PostgreSQL nothing is read, and the pipe is not idle
    let takes = 0;
    const taking = async (stream: OutputStream, bytes: Buffer) => {
      takes += 1;
      try {
        await take(stream, bytes);
      } finally {
        takes -= 1;
        lastRead = Date.now();
      }
    };
    const reading = Promise.all([
      read(stdout, (bytes) => taking('stdout', bytes)),
      read(stderr, (bytes) => taking('stderr', bytes)),
    ]);
    reading.catch(() => undefined);
    const stop = () => held.process.stop(0);
    signal.addEventListener('abort', stop, { once: true });
    await ended.catch(() => undefined);
    signal.removeEventListener('abort', stop);
    lastRead = Date.now();
    for (let looks = 0; takes > 0 || (looks < PIPE_LOOKS && Date.now() - lastRead < PIPE_IDLE_MS);) {
      if (await Promise.race([reading.then(() => true), idle()])) break;
      // a look while PostgreSQL keeps what was read is none
      if (takes === 0) looks += 1;
    }
    stdout.destroy();
    stderr.destroy();
  }

  async wait(place: Place): Promise<Exit> {
    const held = this.held.get(place.containerId);
    if (!held) return { exitCode: null, error: 'The process is not known to this worker.' };
    try {
      const { code, signal } = await held.process.ended;
      return { exitCode: code ?? 128 + (signal ? constants.signals[signal] : 0) };
    } catch (error) {
      return { exitCode: null, error: (error as Error).message };
    }
  }

  async stop(place: Place, graceSeconds: number): Promise<void> {
    const held = this.held.get(place.containerId);
    held?.process.stop(graceSeconds * 1_000);
    await held?.process.ended.catch(() => undefined);
  }

  async remove(place: Place): Promise<void> {
    const held = this.held.get(place.containerId);
    if (!held) return;
    this.held.delete(place.containerId);
    await removeFolder(held.folder);
  }

  all(): Promise<(Place & { runId: string })[]> {
    return Promise.resolve([...this.held.values()].map(({ place, runId }) => ({ ...place, runId })));
  }

  hosts(): Promise<HostStatus[]> {
    return Promise.resolve([{ ...this.here, available: true, blacklisted: false, circuit: 'closed', error: null }]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.held.values()].map(({ place }) => this.stop(place, 0)));
    await this.spawner.close();
  }
}

function wordsOf(command: string): [string, ...string[]] {
  try {
    const [program, ...rest] = splitCommand(command);
    if (program === undefined) throw new StartFailure('The command is empty.', NOT_FOUND);
    return [program, ...rest];
  } catch (error) {
    if (error instanceof UnbalancedQuotes) throw new StartFailure(error.message, NOT_FOUND, { cause: error });
    throw error;
  }
}

/** Reads to the end, chunk by chunk: what is not taken yet stays in the pipe, and the program waits. */
async function read(stream: Readable, take: (bytes: Buffer) => Promise<void>): Promise<void> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) await take(chunk);
  } catch {
    // a pipe that breaks says only that the program is gone, which its end tells too
  }
}

function idle(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), PIPE_IDLE_MS / 4));
}
