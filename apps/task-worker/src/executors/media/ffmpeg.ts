import { stat } from 'node:fs/promises';
import { TaskFailure } from '@task-engine/domain';
import type { ExecutionContext } from '../executor';
import { throwIfAborted } from '../handler';
import { limitLines } from '../line-splitter';
import { ProgramNotFound, runProcess, type ProcessOptions, type ProcessResult } from '../process-group';
import { inWorkDir } from '../work-files';
import { ProgressLog } from './progress-log';

/** Where the programs are: a name to be found in PATH, or a path. */
export interface MediaPrograms {
  readonly ffmpeg: string;
  readonly ffprobe: string;
}

/** Containers a source may be in, by demuxer name. */
const INPUT_FORMATS = 'mov,mpegts,mpeg,matroska,avi,flv';

/**
 * Options before every input. Media comes from strangers: a "segment" may be a playlist or a concat script that names other files or
 * addresses, so only plain containers are opened, and only from files. Downloads are done by the engine.
 */
const GUARDED_INPUT = ['-protocol_whitelist', 'file,concatf', '-format_whitelist', INPUT_FORMATS] as const;

/** Failure texts stand in callbacks and lists; the whole of stderr is in the job log. */
const MAX_REASON = 500;
const MAX_ERROR_ROWS = 200;
const MAX_PROBE_BYTES = 64 * 1024 * 1024;

/** Arguments that open a source file in the work folder; `file:` because a name may hold a colon or begin with a dash. */
export function input(name: string, options: readonly string[] = []): string[] {
  return [...GUARDED_INPUT, ...options, '-i', `file:${name}`];
}

/** Arguments that open a file which an earlier command of ours wrote. */
export function ownFile(name: string, options: readonly string[] = []): string[] {
  return ['-protocol_whitelist', 'file', ...options, '-i', `file:${name}`];
}

/** Arguments that read the files named in a list, one a line, as if they were one file: the segments of a gapless run. */
export function concatenated(listName: string, format: string, options: readonly string[] = []): string[] {
  return [...GUARDED_INPUT, ...options, '-f', format, '-i', `concatf:${listName}`];
}

export interface ProbedStream {
  index: number;
  codec_type?: string;
  codec_name?: string;
  profile?: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  pix_fmt?: string;
  r_frame_rate?: string;
  avg_frame_rate?: string;
  sample_rate?: string;
  channels?: number;
  start_time?: string;
  duration?: string;
  bit_rate?: string;
  extradata_hash?: string;
  disposition?: { default?: number; attached_pic?: number };
  tags?: { language?: string; [name: string]: string | undefined };
  side_data_list?: { rotation?: number }[];
}

export interface Probed {
  streams: ProbedStream[];
  format: { format_name?: string; start_time?: string; duration?: string; bit_rate?: string; [key: string]: unknown };
}

export interface ProbedPacket {
  pts_time?: string;
  dts_time?: string;
  duration_time?: string;
  flags?: string;
}

/** Runs ffmpeg and ffprobe for one execution, in the job's work folder, with names relative to it: no machine path gets into messages. */
export class MediaTools {
  constructor(
    private readonly programs: MediaPrograms,
    private readonly context: ExecutionContext,
  ) {}

  /**
   * Runs ffmpeg. Its progress and its errors go to the job log. Exit code 0 proves nothing about the output: check it with `probeOutput`.
   * @param durationSeconds expected length of the result, for the percentage; absent = no progress lines
   * Throws TaskFailure: final when ffmpeg is missing or refuses its input, retryable when it was killed or ran out of space.
   */
  async ffmpeg(args: readonly string[], durationSeconds?: number): Promise<void> {
    const progress = durationSeconds ? new ProgressLog(this.context, durationSeconds) : undefined;
    const errors = new ErrorLines(this.context);
    const result = await this.run(
      'ffmpeg',
      ['-hide_banner', '-nostdin', '-v', 'error', '-y', '-progress', 'pipe:1', ...args],
      {
        onStdoutLine: (line) => progress?.read(line),
        onStderrLine: (line) => errors.add(line),
      },
    );
    if (result.exitCode !== 0) throw this.failure('ffmpeg', result, errors.last());
    progress?.done();
  }

  /** Streams and format of an input; `args` from `input` or `concatenated`. Throws a final TaskFailure when ffprobe cannot read it. */
  async probe(args: readonly string[]): Promise<Probed> {
    return this.ffprobe<Probed>(['-show_data_hash', 'md5', '-show_format', '-show_streams', ...args]);
  }

  /** Packets of one stream (`v:0`) in file order, without decoding. */
  async packets(args: readonly string[], stream: string): Promise<ProbedPacket[]> {
    const shown = ['-select_streams', stream, '-show_entries', 'packet=pts_time,dts_time,duration_time,flags'];
    return (await this.ffprobe<{ packets?: ProbedPacket[] }>([...shown, ...args])).packets ?? [];
  }

  /** Facts about a file just written. Throws `<task>: no output` when it is absent, empty or not readable. */
  async probeOutput(name: string): Promise<Probed> {
    const size = await stat(inWorkDir(this.context.workDir, name)).then(
      (entry) => entry.size,
      () => 0,
    );
    const probed =
      size === 0 ? null : await this.probe(ownFile(name)).catch((error: unknown) => this.unlessStopped(error));
    if (!probed || probed.streams.length === 0) {
      throw new TaskFailure(`${this.context.taskName}: no output`, { retryable: false });
    }
    return probed;
  }

  private unlessStopped(error: unknown): null {
    throwIfAborted(this.context.signal);
    if (error instanceof TaskFailure && !error.retryable) return null;
    throw error;
  }

  private async ffprobe<T>(args: readonly string[]): Promise<T> {
    let lastError = '';
    const result = await this.run('ffprobe', ['-hide_banner', '-v', 'error', '-of', 'json', ...args], {
      keepStdoutBytes: MAX_PROBE_BYTES,
      onStderrLine: (line) => (lastError = line),
    });
    if (result.exitCode !== 0) throw this.failure('ffprobe', result, lastError);
    return JSON.parse(result.stdout.toString('utf8')) as T;
  }

  private async run(
    program: keyof MediaPrograms,
    args: readonly string[],
    more: Pick<ProcessOptions, 'keepStdoutBytes' | 'onStdoutLine' | 'onStderrLine'>,
  ): Promise<ProcessResult> {
    const { workDir, signal } = this.context;
    try {
      const result = await runProcess({ argv: [this.programs[program], ...args], cwd: workDir, signal, ...more });
      throwIfAborted(signal);
      return result;
    } catch (error) {
      if (!(error instanceof ProgramNotFound)) throw error;
      throw new TaskFailure(`${program} is not installed on this worker`, { retryable: false, cause: error });
    }
  }

  private failure(program: string, result: ProcessResult, lastError: string): TaskFailure {
    const reason = lastError.replaceAll(`${this.context.workDir}/`, '').slice(0, MAX_REASON);
    const how = result.exitSignal ? `was killed by ${result.exitSignal}` : 'failed';
    const retryable =
      result.exitSignal !== null || /No space left|Cannot allocate memory|Input\/output error/.test(lastError);
    return new TaskFailure(`${this.context.taskName}: ${program} ${how}${reason ? `: ${reason}` : ''}`, { retryable });
  }
}

/** stderr of one run: all of it (bounded) to the job log, the last lines for the failure text. */
class ErrorLines {
  private readonly lines: string[] = [];
  private readonly write: (line: string) => boolean;

  constructor(context: ExecutionContext) {
    this.write = limitLines((line) => context.log('WARN', `ffmpeg: ${line}`), MAX_ERROR_ROWS);
  }

  /** @returns false once the log takes no more: then only the last line comes */
  add(line: string): boolean {
    this.lines.push(line);
    if (this.lines.length > 3) this.lines.shift();
    return this.write(line);
  }

  last(): string {
    return this.lines.join('; ');
  }
}
