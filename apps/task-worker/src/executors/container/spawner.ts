import { type ChildProcess, fork, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killGroup } from './kill-group';
import { type Launched, type LaunchOptions, ProgramNotFound } from '../process-group';
import { isStarter } from '../strays';

export interface SpawnRequest {
  id: number;
  /** Of the socket to which outputs connect. */
  address: string;
  argv: readonly string[];
  cwd: string;
  environment: NodeJS.ProcessEnv;
}

export type SpawnReply =
  | { id: number; pid: number }
  | { id: number; code: number | null; signal: NodeJS.Signals | null }
  | { id: number; error: string; code?: string };

/** Longest first line of a connection: number and name of the stream. */
const HEAD_BYTES = 32;

/** What the system says of a program that is not there or may not be executed. */
const NO_PROGRAM = ['ENOENT', 'EACCES'];

interface Starting {
  program: string;
  pid?: number;
  stdout?: Socket;
  stderr?: Socket;
  /** The process is known to who asked for it. */
  told?: true;
  /** It has ended. */
  over?: true;
  launched: (process: Launched) => void;
  refused: (error: Error) => void;
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  exited: (how: { code: number | null; signal: NodeJS.Signals | null }) => void;
}

/** Starts processes through a small process of its own (spawner.process.ts), which comes with the first one and is replaced if it dies. */
export class Spawner {
  private child: Promise<{ process: ChildProcess; server: Server; folder: string; address: string }> | undefined;
  private readonly starting = new Map<number, Starting>();
  private next = 1;
  private closed = false;

  /** Makes the folder in which the program starts too. @throws ProgramNotFound, Error when it cannot be started */
  readonly launch = async (options: LaunchOptions): Promise<Launched> => {
    if (this.closed) throw new Error('the worker is ending');
    const child = (this.child ??= this.begin());
    // one that could not start is no reason not to try again
    child.catch(() => {
      if (this.child === child) this.child = undefined;
    });
    const { process, address } = await child;
    const id = this.next++;
    return new Promise<Launched>((launched, refused) => {
      let exited: Starting['exited'] = () => undefined;
      const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) => (exited = done));
      this.starting.set(id, { program: options.argv[0], launched, refused, exit, exited });
      process.send({ id, address, ...options } satisfies SpawnRequest, (error) => {
        if (error) this.fail(id, error);
      });
    });
  };

  /** Ends with everything that was started through it. */
  async close(): Promise<void> {
    this.closed = true;
    const child = await this.child?.catch(() => undefined);
    if (!child) return;
    child.process.disconnect();
    child.server.close();
    await rm(child.folder, { recursive: true, force: true });
  }

  private async begin() {
    const folder = await mkdtemp(join(tmpdir(), 'task-engine-'));
    const address = join(folder, 'outputs');
    const server = createServer((socket) => this.receive(socket));
    const leave = () => {
      server.close();
      void rm(folder, { recursive: true, force: true });
    };
    try {
      await new Promise<void>((done, refuse) => server.once('error', refuse).listen(address, done));
      return { process: await this.fork(leave), server, folder, address };
    } catch (error) {
      leave();
      throw error;
    }
  }

  private async fork(leave: () => void): Promise<ChildProcess> {
    // a group of its own: what kills the worker's must leave it the moment in which it ends what runs
    const options: ForkOptions = { execArgv: [], env: {}, stdio: 'ignore', detached: true };
    const process = fork(join(__dirname, 'spawner.process.js'), [], options);
    process.on('message', (reply: SpawnReply) => this.answer(reply));
    process.once('exit', () => {
      this.child = undefined;
      leave();
      // what it had started ends with it
      for (const { pid, over } of this.starting.values()) if (pid !== undefined && !over) killGroup(pid);
      for (const id of [...this.starting.keys()]) this.fail(id, new Error('the process that starts commands has died'));
    });
    process.on('error', () => undefined);
    await once(process, 'spawn');
    isStarter(process.pid!, new Promise<void>((resolve) => process.once('exit', () => resolve())));
    return process;
  }

  /** An output: its first line says whose. */
  private receive(socket: Socket): void {
    socket.on('error', () => undefined);
    let head = Buffer.alloc(0);
    const read = () => {
      const bytes = socket.read() as Buffer | null;
      if (bytes === null) return;
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf(0x0a);
      if (end < 0 && head.length < HEAD_BYTES) return;
      socket.off('readable', read);
      // what follows the line is the command's
      if (end + 1 < head.length) socket.unshift(head.subarray(end + 1));
      this.assign(head.toString('latin1', 0, Math.max(0, end)), socket);
    };
    socket.on('readable', read);
  }

  private assign(head: string, socket: Socket): void {
    const [number, stream] = head.split(' ');
    const id = Number(number);
    const starting = this.starting.get(id);
    if (!starting || (stream !== 'stdout' && stream !== 'stderr')) return void socket.destroy();
    // nothing is lost while nobody reads: it stays in the socket, and the command waits
    socket.on('readable', () => undefined);
    starting[stream] = socket;
    this.tell(id, starting);
  }

  private answer(reply: SpawnReply): void {
    const starting = this.starting.get(reply.id);
    if (!starting) return;
    if ('error' in reply) {
      const noProgram = reply.code !== undefined && NO_PROGRAM.includes(reply.code);
      return this.fail(reply.id, noProgram ? new ProgramNotFound(starting.program) : new Error(reply.error));
    }
    if ('pid' in reply) {
      starting.pid = reply.pid;
      return this.tell(reply.id, starting);
    }
    starting.over = true;
    starting.exited(reply);
    this.forget(reply.id, starting);
  }

  private tell(id: number, starting: Starting): void {
    const { pid, stdout, stderr, exit, launched } = starting;
    if (pid === undefined || !stdout || !stderr) return;
    starting.told = true;
    this.forget(id, starting);
    const ends = [stdout, stderr].map((socket) => new Promise<void>((done) => socket.once('close', () => done())));
    launched({ pid, stdout, stderr, exited: exit, closed: Promise.all(ends).then(() => undefined) });
  }

  /** A quick command may be over before its outputs have come. */
  private forget(id: number, { told, over }: Starting): void {
    if (told && over) this.starting.delete(id);
  }

  private fail(id: number, error: Error): void {
    const starting = this.starting.get(id);
    if (!starting) return;
    this.starting.delete(id);
    starting.stdout?.destroy();
    starting.stderr?.destroy();
    starting.refused(error);
    starting.exited({ code: null, signal: 'SIGKILL' });
  }
}
