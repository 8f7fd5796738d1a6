import { type ChildProcess, fork, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killGroup } from './kill-group';
import { type Launched, type LaunchOptions, ProgramNotFound } from '../process-group';
import { isStarter } from '../strays';

export interface SpawnRequest {
  id: number;
  /** Pipes by name, of which the worker has the reading ends: for stdout and stderr. */
  outputs: readonly [string, string];
  argv: readonly string[];
  cwd: string;
  environment: NodeJS.ProcessEnv;
}

export type SpawnReply =
  | { id: number; pid: number }
  | { id: number; code: number | null; signal: NodeJS.Signals | null }
  | { id: number; error: string; code?: string }
  /** Further pipes, ready to be used, or why there are none. */
  | { pipes: string[]; error?: string };

/** What the system says of a program that is not there or may not be executed. */
const NO_PROGRAM = ['ENOENT', 'EACCES'];

/**
 * Where the pipes are: in memory where that is possible. On a disk each that is made and removed goes through its journal, for which
 * PostgreSQL on the same disk waits, and a short command takes half as long again.
 */
const [IN_MEMORY, ON_DISK] = ['/dev/shm', tmpdir()].map((folder) => join(folder, 'task-engine-')) as [string, string];

const SPAWNERS = 2;

interface Starting {
  program: string;
  pid?: number;
  /** Reading ends, until somebody has them. */
  outputs: number[];
  /** The process is known to who asked for it. */
  told?: true;
  /** It has ended. */
  over?: true;
  launched: (process: Launched) => void;
  refused: (error: Error) => void;
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  exited: (how: { code: number | null; signal: NodeJS.Signals | null }) => void;
}

/**
 * Several spawners, the least busy of which takes the next command: each stands still until what it starts has begun, which on a busy
 * machine takes longer than all else that it does. Further ones come when there is so much to do.
 */
export class Spawners {
  private readonly each = Array.from({ length: SPAWNERS }, () => new Spawner());

  readonly launch = (options: LaunchOptions): Promise<Launched> =>
    this.each.reduce((least, next) => (next.busy < least.busy ? next : least)).launch(options);

  async close(): Promise<void> {
    await Promise.all(this.each.map((spawner) => spawner.close()));
  }
}

/** Starts processes through a small process of its own (spawner.process.ts), which comes with the first one and is replaced if it dies. */
export class Spawner {
  private child: Promise<{ process: ChildProcess; folder: string }> | undefined;
  /** Unused ones. They are made many at a time, which takes a program. */
  private pipes: string[] = [];
  private readonly waiting: { take: (pipes: [string, string]) => void; fail: (error: Error) => void }[] = [];
  private readonly starting = new Map<number, Starting>();
  private next = 1;
  private closed = false;
  private launching = 0;

  /** Commands that are being started. */
  get busy(): number {
    return this.launching;
  }

  /** Makes the folder in which the program starts too. @throws ProgramNotFound, Error when it cannot be started */
  readonly launch = async (options: LaunchOptions): Promise<Launched> => {
    this.launching += 1;
    try {
      return await this.start(options);
    } finally {
      this.launching -= 1;
    }
  };

  private async start(options: LaunchOptions): Promise<Launched> {
    if (this.closed) throw new Error('the worker is ending');
    const child = (this.child ??= this.begin());
    // one that could not start is no reason not to try again
    child.catch(() => {
      if (this.child === child) this.child = undefined;
    });
    const { process } = await child;
    const { names, outputs } = await this.openPipes(process);
    const id = this.next++;
    return new Promise<Launched>((launched, refused) => {
      let exited: Starting['exited'] = () => undefined;
      const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) => (exited = done));
      this.starting.set(id, { program: options.argv[0], outputs, launched, refused, exit, exited });
      process.send({ id, outputs: names, ...options } satisfies SpawnRequest, (error) => {
        if (error) this.fail(id, error);
      });
    });
  }

  /** Ends with everything that was started through it. */
  async close(): Promise<void> {
    this.closed = true;
    const child = await this.child?.catch(() => undefined);
    if (!child) return;
    child.process.disconnect();
    await rm(child.folder, { recursive: true, force: true });
  }

  private async begin() {
    const folder = await mkdtemp(IN_MEMORY).catch(() => mkdtemp(ON_DISK));
    const leave = () => void rm(folder, { recursive: true, force: true });
    try {
      return { process: await this.fork(folder, leave), folder };
    } catch (error) {
      leave();
      throw error;
    }
  }

  private async fork(folder: string, leave: () => void): Promise<ChildProcess> {
    // a group of its own: what kills the worker's must leave it the moment in which it ends what runs
    const options: ForkOptions = { execArgv: [], env: {}, stdio: 'ignore', detached: true };
    const process = fork(join(__dirname, 'spawner.process.js'), [folder], options);
    process.on('message', (replies: SpawnReply[]) => {
      for (const reply of replies) this.answer(reply);
    });
    process.once('exit', () => {
      this.child = undefined;
      this.pipes = [];
      leave();
      // what it had started ends with it
      for (const { pid, over } of this.starting.values()) if (pid !== undefined && !over) killGroup(pid);
      const died = new Error('the process that starts commands has died');
      for (const id of [...this.starting.keys()]) this.fail(id, died);
      for (const { fail } of this.waiting.splice(0)) fail(died);
    });
    process.on('error', () => undefined);
    await once(process, 'spawn');
    isStarter(process.pid!, new Promise<void>((resolve) => process.once('exit', () => resolve())));
    return process;
  }

  private async openPipes(process: ChildProcess): Promise<{ names: [string, string]; outputs: number[] }> {
    for (;;) {
      const names = await new Promise<[string, string]>((take, fail) => {
        this.waiting.push({ take, fail });
        this.deal();
      });
      const outputs: number[] = [];
      try {
        for (const name of names) outputs.push(openSync(name, constants.O_RDONLY | constants.O_NONBLOCK));
        return { names, outputs };
      } catch (error) {
        for (const fd of outputs) closeSync(fd);
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !process.connected) {
          // nobody has used them
          this.pipes.push(...names);
          throw error;
        }
        // somebody has tidied up the folder of temporary files
        this.pipes = [];
        process.send('pipes');
      }
    }
  }

  private deal(): void {
    while (this.waiting.length > 0 && this.pipes.length > 1)
      this.waiting.shift()!.take([this.pipes.pop()!, this.pipes.pop()!]);
  }

  private answer(reply: SpawnReply): void {
    if ('pipes' in reply) {
      this.pipes.push(...reply.pipes);
      if (reply.error !== undefined) for (const { fail } of this.waiting.splice(0)) fail(new Error(reply.error));
      return this.deal();
    }
    const starting = this.starting.get(reply.id);
    if (!starting) return;
    if ('error' in reply) {
      const noProgram = reply.code !== undefined && NO_PROGRAM.includes(reply.code);
      return this.fail(reply.id, noProgram ? new ProgramNotFound(starting.program) : new Error(reply.error));
    }
    if ('pid' in reply) {
      starting.pid = reply.pid;
      return this.tell(reply.id, reply.pid, starting);
    }
    starting.over = true;
    starting.exited(reply);
    this.forget(reply.id, starting);
  }

  private tell(id: number, pid: number, starting: Starting): void {
    const { exit, launched } = starting;
    const [stdout, stderr] = starting.outputs.splice(0).map((fd) => {
      const output = new Socket({ fd, readable: true, writable: false });
      // nothing is lost while nobody reads: it stays in the pipe, and the command waits
      return output.on('readable', () => undefined).on('error', () => undefined);
    }) as [Socket, Socket];
    starting.told = true;
    this.forget(id, starting);
    const ends = [stdout, stderr].map((output) => new Promise<void>((done) => output.once('close', () => done())));
    launched({ pid, stdout, stderr, exited: exit, closed: Promise.all(ends).then(() => undefined) });
  }

  private forget(id: number, { told, over }: Starting): void {
    if (told && over) this.starting.delete(id);
  }

  private fail(id: number, error: Error): void {
    const starting = this.starting.get(id);
    if (!starting) return;
    this.starting.delete(id);
    for (const fd of starting.outputs) closeSync(fd);
    starting.refused(error);
    starting.exited({ code: null, signal: 'SIGKILL' });
  }
}
