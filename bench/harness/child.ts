import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a child serves: functions of at most one argument, called by name. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each child has its own argument types, inferred where it is called
export type Procedures = Record<string, (argument: any) => Promise<unknown>>;

interface Call {
  id: number;
  name: string;
  argument: unknown;
}

interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

interface Waiting {
  settle: (answer: Answer) => void;
}

/** A process of the benchmark's own (a peer, a load generator) whose procedures are called over Node's channel. */
export class Child<Served extends Procedures> {
  private readonly calls = new Map<number, Waiting>();
  private next = 0;

  private constructor(
    readonly name: string,
    private readonly process: ChildProcess,
    private readonly logFile: string,
  ) {
    process.on('message', (answer: Answer) => {
      this.calls.get(answer.id)?.settle(answer);
      this.calls.delete(answer.id);
    });
    process.on('exit', (code, signal) => {
      for (const [id, { settle }] of this.calls) {
        settle({ id, error: `ended (${signal ?? code}): ${readFileSync(logFile, 'utf8').slice(-2000)}` });
      }
      this.calls.clear();
    });
  }

  /** @param file below bench/ without its ending, e.g. `peers/bull-drain.process` */
  static start<Served extends Procedures>(
    name: string,
    file: string,
    { env, logFile }: { env: NodeJS.ProcessEnv; logFile: string },
  ): Child<Served> {
    const log = openSync(logFile, 'a');
    const child = fork(join(__dirname, '..', `${file}.js`), [], {
      env,
      serialization: 'advanced',
      stdio: ['ignore', log, log, 'ipc'],
      execArgv: ['--enable-source-maps'],
    });
    closeSync(log);
    return new Child<Served>(name, child, logFile);
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** @throws Error what the procedure threw, or that the process ended */
  call<Name extends keyof Served & string>(
    name: Name,
    ...[argument]: Parameters<Served[Name]>
  ): Promise<Awaited<ReturnType<Served[Name]>>> {
    const id = ++this.next;
    return new Promise((done, refuse) => {
      this.calls.set(id, {
        settle: ({ result, error }) =>
          error === undefined
            ? done(result as Awaited<ReturnType<Served[Name]>>)
            : refuse(new Error(`${this.name}: ${error}`)),
      });
      this.process.send({ id, name, argument } satisfies Call, (fault) => {
        if (fault && this.calls.delete(id)) refuse(new Error(`${this.name}: ${fault.message} (log: ${this.logFile})`));
      });
    });
  }

  /** Closes the channel, upon which the child ends; SIGKILL after five seconds. */
  async stop(): Promise<void> {
    const { process } = this;
    if (process.exitCode !== null || process.signalCode !== null) return;
    const ended = new Promise((done) => process.once('exit', done));
    const cut = setTimeout(() => process.kill('SIGKILL'), 5000);
    if (process.connected) process.disconnect();
    await ended;
    clearTimeout(cut);
  }
}

/** The other end, in the child: serves until the parent is gone. */
export function serve(procedures: Procedures): void {
  process.on('message', (call: Call) => {
    void answer(procedures, call).then((reply) => process.send?.(reply));
  });
  process.on('disconnect', () => process.exit(0));
}

async function answer(procedures: Procedures, { id, name, argument }: Call): Promise<Answer> {
  try {
    const procedure = procedures[name];
    if (!procedure) throw new Error(`no procedure '${name}'`);
    return { id, result: await procedure(argument) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
