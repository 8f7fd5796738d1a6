import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import Redis from 'ioredis';
import { Client } from 'pg';
import type { BenchServers } from './bench-servers';
import { Child, type Procedures } from './child';
import { ProcessWatch, type ProcessUse, type Watched } from './process-watch';
import { StatementProfile } from './profile';
import { readStored, type Stored } from './storage';

/** What a window showed beside the figures of the side. */
export interface WindowUse {
  seconds: number;
  processes: ProcessUse[];
}

export interface TurnOptions {
  servers: BenchServers;
  /** Folder of this turn, for logs and data. */
  folder: string;
  /** Shows what is going on. */
  note: (text: string) => void;
  /** Gets CPU profiles of the apps and the statements of PostgreSQL, in a folder for each turn. */
  profileFolder?: string;
}

/** One side's go: a database of its own, an emptied Redis, and everything that it starts is ended with it. */
export class Turn {
  private readonly watched: Watched[] = [];
  private readonly endings: (() => Promise<unknown>)[] = [];
  private lastWindow?: WindowUse;

  private constructor(
    readonly options: TurnOptions,
    readonly databaseUrl: string,
    readonly redisUrl: string,
    /** For looking at the database; its cost is the harness's own. */
    readonly database: Client,
    readonly redis: Redis,
  ) {}

  static async begin(options: TurnOptions): Promise<Turn> {
    const { servers, folder } = options;
    mkdirSync(folder, { recursive: true });
    const { databaseUrl, drop } = await servers.fresh();
    const database = new Client({ connectionString: databaseUrl, application_name: 'bench' });
    database.on('error', () => undefined);
    await database.connect();
    const redis = new Redis(servers.redisUrl);
    const turn = new Turn(options, databaseUrl, servers.redisUrl, database, redis);
    turn.watch({ name: 'postgres', pid: () => servers.postgresPid, withChildren: true });
    turn.watch({ name: 'redis', pid: () => servers.redisPid });
    turn.onEnd(drop);
    turn.onEnd(() => database.end());
    turn.onEnd(async () => redis.disconnect());
    return turn;
  }

  get servers(): BenchServers {
    return this.options.servers;
  }

  /** The environment for whatever is started: the same for every side. */
  get env(): NodeJS.ProcessEnv {
    return this.servers.env;
  }

  /** What the last window used. */
  get use(): WindowUse | undefined {
    return this.lastWindow;
  }

  note(text: string): void {
    this.options.note(text);
  }

  /** A path in the folder of this turn. */
  at(name: string): string {
    return join(this.options.folder, name);
  }

  /** Counts the process in the windows to come. */
  watch(watched: Watched): void {
    this.watched.push(watched);
  }

  /** Called when the turn ends, the last one first, also after a fault. */
  onEnd(ending: () => Promise<unknown>): void {
    this.endings.push(ending);
  }

  /** Starts a process of bench/, e.g. `peers/bull-drain.process`, watched under the name. */
  spawn<Served extends Procedures>(name: string, file: string, env: NodeJS.ProcessEnv = {}): Child<Served> {
    const logFile = this.at(`${name.replaceAll(/\W+/g, '-')}.log`);
    const child = Child.start<Served>(name, file, { env: { ...this.env, ...env }, logFile });
    this.onEnd(() => child.stop());
    this.watch({ name, pid: () => child.pid });
    return child;
  }

  /** Bytes in PostgreSQL and Redis now. */
  stored(): Promise<Stored> {
    return readStored(this.database, this.redis);
  }

  /**
   * The measured part of a turn: CPU and memory of every watched process are taken around it. PostgreSQL is made to write out
   * what came before, so that no side pays for the preparations.
   */
  async window<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.database.query('CHECKPOINT');
    const endProfiles = await this.profile();
    const watch = new ProcessWatch(this.watched);
    watch.begin();
    const began = performance.now();
    try {
      return await work();
    } finally {
      const seconds = (performance.now() - began) / 1000;
      this.lastWindow = { seconds, processes: watch.end() };
      await endProfiles();
    }
  }

  /** With `--profile`: statements of PostgreSQL, and a profile of each process that takes SIGUSR2 for it. */
  private async profile(): Promise<() => Promise<void>> {
    const { profileFolder } = this.options;
    if (profileFolder === undefined) return () => Promise.resolve();
    const folder = join(profileFolder, basename(this.options.folder));
    const signal = () => {
      for (const { pid, profiled } of this.watched) {
        const number = profiled ? pid() : undefined;
        if (number !== undefined) process.kill(number, 'SIGUSR2');
      }
    };
    const statements = await StatementProfile.begin(this.databaseUrl, folder, 'postgres');
    signal();
    return async () => {
      signal();
      await statements.end();
    };
  }

  async end(): Promise<void> {
    for (const ending of this.endings.reverse()) {
      await ending().catch((error: unknown) => this.note(`while ending: ${(error as Error).message}`));
    }
  }
}
