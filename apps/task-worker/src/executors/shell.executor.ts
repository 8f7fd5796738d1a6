import type { Readable } from 'node:stream';
import type { Lease } from '@task-engine/database';
import { type JsonObject, TaskFailure } from '@task-engine/domain';
import { rowId } from '@task-engine/dto';
import { z } from 'zod';
import { asking } from './container/asking';
import { longTimer } from './container/long-timer';
import type { ExecutionContext, Executor } from './executor';
import { handler, throwIfAborted } from './handler';
import { LineSplitter, limitLines } from './line-splitter';
import { type Launch, type RunningProcess, startProcess } from './process-group';
import { removeFolder } from './remove-folder';

/** What a command that wrote nothing came to. */
const DONE = 'Task executed successfully';
/** Of what a command wrote, this many characters are its result: the last ones. */
const RESULT_LENGTH = 4_096;
/** Kept of the output for that: characters of four bytes, and some blanks behind them. */
const TAIL_BYTES = 8 * RESULT_LENGTH;
/** Of the last line that went to stderr, as part of an error. */
const ERROR_LENGTH = 1_000;
/** Between SIGTERM and SIGKILL, in milliseconds: the API promises 10 s at most. */
const STOP_GRACE_MS = 8_000;
/** The same when this worker must let go of it: the process ends soon, or another worker may have begun it. */
const LEAVE_GRACE_MS = 2_000;
/** Pipes may be held open by what left the group: how long nothing may come of them before they count as read, in milliseconds. */
const PIPE_IDLE_MS = 1_000;
/** And how many looks there are at them at most, since what holds them open may also write. */
const PIPE_LOOKS = 20;
/** Longest argument and longest environment entry (with its name) that Linux starts a program with, in bytes. */
const LONGEST_ARGUMENT = 131_071;

const schema = z.object({
  command: z.string().min(1),
  timeoutSeconds: z.number().int().min(1),
  /** Whether it may keep checkpoints. */
  checkpoint: z.boolean(),
});

export interface ShellOptions {
  launch: Launch;
  /** Where commands find the API, for checkpoints. */
  apiUrl: string;
  /** What commands with checkpoints are given at the start of each try. Undefined when the lease is stale. */
  begin(lease: Lease, jobId: string): Promise<{ checkpoint: JsonObject | null; token: string } | undefined>;
}

/**
 * `shell`: a client's command line, run by /bin/sh in a process group and an empty folder of its own. What it writes goes to the job log
 * line by line. Nothing is spliced into the command: it gets what it needs as environment variables, and none of the worker's own.
 */
export function shellExecutor(options: ShellOptions): Executor {
  const shell = handler('shell', schema, async ({ command, timeoutSeconds, checkpoint }, context) => {
    const environment = {
      TASK_ID: rowId('task', context.jobId),
      TASK_API_URL: options.apiUrl,
      ...(checkpoint && (await checkpointOf(options, context))),
    };
    refuseTooLong(command, environment);
    // not within the job's: that goes at once when the job is cancelled, while the command may still do its last things in this one
    const folder = `${context.workDir}.${context.executionId}`;
    try {
      // `--`: a command that begins with a dash is no option of the shell
      const argv = ['/bin/sh', '-c', '--', command] as const;
      const process = await startProcess({ argv: [...argv], cwd: folder, environment }, options.launch);
      return { result: await new ShellRun(process, context, timeoutSeconds).toEnd() };
    } finally {
      // what cannot be removed is no fault of the command: the worker's sweep says so
      await removeFolder(folder).catch(() => undefined);
    }
  });
  return { ...shell, withoutFiles: true };
}

async function checkpointOf(options: ShellOptions, context: ExecutionContext): Promise<Record<string, string>> {
  const lease = { executionId: context.executionId, token: context.token };
  const begun = await asking(() => options.begin(lease, context.jobId), context.signal);
  // the report will be refused too
  if (!begun) throw new TaskFailure('the lease is over', { retryable: false });
  return {
    TASK_API_TOKEN: begun.token,
    ...(begun.checkpoint && { CHECKPOINT_DATA: JSON.stringify(begun.checkpoint) }),
  };
}

/** The system would say no more than that something is too long. */
function refuseTooLong(command: string, environment: Record<string, string>): void {
  const tooLong = (text: string) => text.length * 3 > LONGEST_ARGUMENT && Buffer.byteLength(text) > LONGEST_ARGUMENT;
  if (tooLong(command)) throw new TaskFailure('the command line is longer than 128 KB', { retryable: false });
  const name = Object.keys(environment).find((key) => tooLong(`${key}=${environment[key]}`));
  if (name) throw new TaskFailure(`${name} is longer than 128 KB`, { retryable: false });
}

/** One command from its start to its end. */
class ShellRun {
  private readonly tail = new Tail();
  private readonly lines: Record<'stdout' | 'stderr', LineSplitter>;
  private lastError = '';
  private readAt = Date.now();
  private timedOut = false;

  constructor(
    private readonly process: RunningProcess,
    private readonly context: ExecutionContext,
    private readonly timeoutSeconds: number,
  ) {
    const logOut = limitLines((line) => context.log('INFO', line));
    const logError = limitLines((line) => context.log('ERROR', line));
    this.lines = {
      stdout: new LineSplitter(logOut),
      stderr: new LineSplitter((line) => {
        this.lastError = line;
        return logError(line);
      }),
    };
  }

  /** @returns its result. @throws TaskFailure, or the reason of the abort */
  async toEnd(): Promise<string> {
    const { process, context } = this;
    const reading = Promise.all([this.read('stdout'), this.read('stderr')]);
    const inTime = longTimer(() => {
      this.timedOut = true;
      process.stop(STOP_GRACE_MS);
    }, this.timeoutSeconds * 1_000);
    const leave = () => process.stop(context.signal.reason === 'stopped' ? STOP_GRACE_MS : LEAVE_GRACE_MS);
    context.signal.addEventListener('abort', leave, { once: true });
    if (context.signal.aborted) leave();
    try {
      const { code, signal } = await process.ended;
      inTime();
      await this.readToEnd(reading);
      throwIfAborted(context.signal);
      if (this.timedOut) throw new TaskFailure(`not done within ${this.timeoutSeconds} s`);
      if (signal) throw new TaskFailure(`killed by ${signal}`);
      if (code !== 0) throw new TaskFailure(`exit code ${code}${this.lastError && `: ${cut(this.lastError)}`}`);
      return this.tail.text() || DONE;
    } finally {
      inTime();
      context.signal.removeEventListener('abort', leave);
    }
  }

  private async read(name: 'stdout' | 'stderr'): Promise<void> {
    const stream: Readable = this.process[name];
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        this.readAt = Date.now();
        if (name === 'stdout') this.tail.add(chunk);
        this.lines[name].write(chunk);
      }
    } catch {
      // a pipe that breaks says only that the program is gone, which its end tells too
    }
  }

  /** What is still in the pipes, however long nobody could read; what holds them open and goes on writing is not read to its end. */
  private async readToEnd(reading: Promise<unknown>): Promise<void> {
    this.readAt = Date.now();
    const over = reading.then(() => true);
    for (let looks = 0; looks < PIPE_LOOKS && Date.now() - this.readAt < PIPE_IDLE_MS; looks += 1)
      if (await Promise.race([over, pause()])) break;
    this.process.stdout.destroy();
    this.process.stderr.destroy();
    this.lines.stdout.end();
    this.lines.stderr.end();
  }
}

/** The end of an output. */
class Tail {
  private kept = Buffer.alloc(0);

  add(chunk: Buffer): void {
    // a copy: the chunk's memory must not stay alive for it
    this.kept = Buffer.concat([this.kept.subarray(-TAIL_BYTES), chunk.subarray(-TAIL_BYTES)]);
  }

  text(): string {
    const text = this.kept.toString('utf8').replaceAll('\0', '\uFFFD').trim();
    // not from the middle of a pair
    return text.slice(-RESULT_LENGTH).replace(/^[\uDC00-\uDFFF]/, '');
  }
}

function cut(line: string): string {
  return line.length > ERROR_LENGTH ? `${line.slice(0, ERROR_LENGTH)}...` : line;
}

function pause(): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), PIPE_IDLE_MS / 4));
}
