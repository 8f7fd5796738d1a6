import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../../scripts/local/eventually';
import { commandLineOf } from '../../scripts/local/process-identity';
import { announceContainerTests } from '../../test/containers/support/container-tests';
import { dockerPrograms } from '../../test/containers/support/docker-programs';
import { TestEngine } from '../../test/containers/support/test-engine';
import type { BenchServers } from '../harness/bench-servers';
import type { Turn } from '../harness/turn';

/**
 * Finds or gets Docker's programs and tries once whether an engine starts.
 * @returns why there is none on this machine
 */
export async function missingDocker(servers: BenchServers): Promise<string | undefined> {
  const programs = await dockerPrograms(servers.env);
  if (typeof programs === 'string') return programs;
  // not in the folder of a turn: the path of a socket has 107 bytes at most
  const root = join(servers.folder, 'docker');
  mkdirSync(root, { recursive: true });
  announceContainerTests({ programs, root });
  try {
    const engine = await TestEngine.start();
    await engine.stop();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A Docker engine for one turn, the one that the tests use: with images, without a network. */
export class BenchDocker {
  /** Containers that the engine says it has started, and removed. */
  private started = 0;
  private removed = 0;
  private removedAt = 0;

  private constructor(private readonly engine: TestEngine) {}

  /** Ends with the turn. Not before `missingDocker`. */
  static async start(turn: Turn): Promise<BenchDocker> {
    turn.note('starting the engine');
    const engine = await TestEngine.start();
    turn.onEnd(() => engine.stop());
    const daemon = daemonOf(engine);
    // containerd is its child; what each container is started with is not, and is not counted
    turn.watch({ name: 'dockerd', pid: () => daemon, withChildren: true });
    const docker = new BenchDocker(engine);
    docker.count(await engine.docker.getEvents({ filters: { type: ['container'], event: ['start', 'destroy'] } }));
    return docker;
  }

  /** As DOCKER_HOSTS writes it. */
  get host(): string {
    return this.engine.host;
  }

  get socketPath(): string {
    return this.host.slice('unix://'.length);
  }

  /** When the last container was removed, on the machine's clock. */
  get lastRemoved(): Date {
    return new Date(this.removedAt);
  }

  /**
   * Waits until each of that many containers has been started and is removed; then counts anew.
   * @throws Error when there were more or fewer, or when one is left
   */
  async cleared(containers: number): Promise<void> {
    // what the engine says of them may be on its way
    await eventually(async () => {
      const left = (await this.engine.containers()).length;
      if (left === 0 && this.started === containers && this.removed === containers) return;
      throw new Error(
        `of ${containers} containers ${this.started} were started, ${this.removed} removed; ${left} are left`,
      );
    });
    this.started = 0;
    this.removed = 0;
  }

  private count(events: NodeJS.ReadableStream): void {
    const lines = createInterface({ input: events });
    // it breaks off with the engine
    lines.on('error', () => undefined);
    lines.on('line', (line) => {
      const { Action, timeNano } = JSON.parse(line) as { Action: string; timeNano: number };
      if (Action === 'start') this.started += 1;
      if (Action !== 'destroy') return;
      this.removed += 1;
      this.removedAt = timeNano / 1e6;
    });
  }
}

function daemonOf({ host }: TestEngine): number | undefined {
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return numbers.map(Number).find((pid) => {
    const line = commandLineOf(pid);
    // not of the program that has entered the engine's namespaces and waits for it
    return line.startsWith('dockerd ') && line.includes(` --host=${host}`);
  });
}
