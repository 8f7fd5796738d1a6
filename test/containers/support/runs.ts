import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { OutputStream } from '@task-engine/domain';
import { DockerRuntime } from '../../../apps/task-worker/src/executors/container/docker/docker-runtime';
import type { DockerRuntimeOptions } from '../../../apps/task-worker/src/executors/container/docker/runtime-options';
import type {
  ContainerRuntime,
  ContainerSpec,
  Exit,
  Place,
} from '../../../apps/task-worker/src/executors/container/runtime';
import { MemoryHostRegistry } from './memory-host-registry';
import { IMAGE } from './test-images';

export const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);
export const NOTHING = { stdout: 0, stderr: 0 };

export const installation = async () => 'these-tests';

/** A runtime for containers without a network, on `hosts`. */
export function runtimeOn(hosts: string[], options: Partial<DockerRuntimeOptions> = {}): DockerRuntime {
  return new DockerRuntime({
    farms: [{ match: '', hosts, maxRunning: 10 }],
    registry: new MemoryHostRegistry(),
    installation,
    network: 'none',
    ...options,
  });
}

export function specOf(command: string, spec: Partial<ContainerSpec> = {}): ContainerSpec {
  return { runId: randomUUID(), group: 'group', image: IMAGE, command, environment: {}, extraHosts: [], ...spec };
}

/** `sh -c` of the script, which must not have single quotes. */
export function script(text: string, spec: Partial<ContainerSpec> = {}): ContainerSpec {
  return specOf(`sh -c '${text}'`, spec);
}

export async function begin(runtime: ContainerRuntime, spec: ContainerSpec): Promise<Place> {
  return runtime.start(spec, await runtime.prepare(spec, NEVER), NEVER, () => true);
}

/** All that was taken of one run. */
export class Taken {
  private readonly chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] };

  readonly take = (stream: OutputStream, bytes: Buffer): void => {
    this.chunks[stream].push(Buffer.from(bytes));
  };

  get stdout(): string {
    return this.bytes('stdout').toString('utf8');
  }

  get stderr(): string {
    return this.bytes('stderr').toString('utf8');
  }

  get known(): Record<OutputStream, number> {
    return { stdout: this.bytes('stdout').length, stderr: this.bytes('stderr').length };
  }

  bytes(stream: OutputStream): Buffer {
    return Buffer.concat(this.chunks[stream]);
  }
}

export interface Ended {
  place: Place;
  exit: Exit;
  output: Taken;
}

/** One run from its start to its end; the container stays. */
export async function runToEnd(runtime: ContainerRuntime, spec: ContainerSpec): Promise<Ended> {
  const place = await begin(runtime, spec);
  const output = new Taken();
  const [exit] = await Promise.all([runtime.wait(place, NEVER), runtime.follow(place, NOTHING, output.take, NEVER)]);
  return { place, exit, output };
}
