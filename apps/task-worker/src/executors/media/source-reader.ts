import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm, stat, symlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { TaskFailure } from '@task-engine/domain';
import { OutboundBlocked, OutboundError, OutboundFailed, type OutboundHttp } from '@task-engine/platform';
import type { ExecutionContext } from '../executor';
import { throwIfAborted } from '../handler';
import { shownUrl } from '../shown-url';
import type { LocalRoot } from '../storage/local-root';
import { STORAGE_SCHEME, type Resource } from './hls-playlist';

/** What is read to tell a playlist from a media file. */
const HEAD_BYTES = 64 * 1024;
/** 100 000 segments with long URLs. */
const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024;
/** A large file may take long; a transfer that stands still is cut by the stall watch. */
const DOWNLOAD_DEADLINE_MS = 6 * 3600 * 1000;
const STALL_MS = 60_000;

export interface SourceLimits {
  /** Bytes of one media file. */
  readonly maxDownloadBytes: number;
}

/** Reads playlists and media of clips: http(s) through the guarded client, `storage:///...` from the client's input root. */
export class SourceReader {
  constructor(
    private readonly outbound: OutboundHttp,
    private readonly limits: SourceLimits,
    private readonly context: ExecutionContext,
    private readonly inputRoot: LocalRoot | null,
  ) {}

  /**
   * The text of a playlist, or null when the source is something else (a media file). Throws a final `Not supported: ...` for
   * DASH and Smooth Streaming manifests and TaskFailure `Cannot read <url>: <why>`.
   */
  async playlistText(uri: string): Promise<string | null> {
    const head = await this.read(uri, HEAD_BYTES);
    const start = head.body
      .subarray(0, 4096)
      .toString('utf8')
      .replace(/^\uFEFF/, '');
    if (/<MPD[\s>]/.test(start)) throw notSupported(`DASH source ${this.show(uri)}; use the .m3u8 URL of the stream`);
    if (/<SmoothStreamingMedia[\s>]/.test(start)) {
      throw notSupported(`Smooth Streaming source ${this.show(uri)}; use the .m3u8 URL of the stream`);
    }
    if (!start.trimStart().startsWith('#EXTM3U')) return null;
    const whole = head.truncated ? await this.read(uri, MAX_PLAYLIST_BYTES) : head;
    if (whole.truncated)
      throw new TaskFailure(`Unreadable playlist: ${this.show(uri)} is larger than 16 MB`, { retryable: false });
    return whole.body
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .trimStart();
  }

  /**
   * Brings a resource into the file `path`; a file that is there already was complete and stays. A whole file of the input root is linked
   * instead of copied. Returns the bytes moved.
   */
  async fetch(resource: Resource, path: string, signal: AbortSignal): Promise<number> {
    if (await exists(path)) return 0;
    const temporary = `${path}.${this.context.executionId}.part`;
    await rm(temporary, { force: true });
    try {
      if (resource.uri.startsWith(STORAGE_SCHEME)) await this.fetchLocal(resource, temporary, signal);
      else await this.download(resource, temporary, signal);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return (await stat(path)).size;
  }

  /** A source as messages name it: the URL without its query, or the path below the input root. */
  show(uri: string): string {
    return uri.startsWith(STORAGE_SCHEME)
      ? (this.inputRoot?.show(storageName(uri)) ?? storageName(uri))
      : shownUrl(uri);
  }

  private async read(uri: string, limit: number): Promise<{ body: Buffer; truncated: boolean }> {
    if (uri.startsWith(STORAGE_SCHEME)) return this.readLocal(uri, limit);
    const reply = await this.outbound
      .request({ url: uri, maxReplyBytes: limit, signal: this.context.signal })
      .catch((error: unknown) => this.refuse(uri, error));
    if (reply.status < 200 || reply.status > 299)
      throw new TaskFailure(`Cannot read ${shownUrl(uri)}: ${reply.status}`);
    return reply;
  }

  private async readLocal(uri: string, limit: number): Promise<{ body: Buffer; truncated: boolean }> {
    const file = await open(await this.localPath(uri), 'r');
    try {
      const buffer = Buffer.alloc(limit + 1);
      const { bytesRead } = await file.read(buffer, 0, limit + 1, 0);
      return { body: buffer.subarray(0, Math.min(bytesRead, limit)), truncated: bytesRead > limit };
    } finally {
      await file.close();
    }
  }

  private async localPath(uri: string): Promise<string> {
    if (!this.inputRoot) throw new TaskFailure(`Cannot read ${storageName(uri)}: no input root`, { retryable: false });
    const name = storageName(uri);
    if ((await this.inputRoot.kind(name)) === null)
      throw new TaskFailure(`Source not found: ${this.show(uri)}`, { retryable: false });
    const path = await this.inputRoot.path(name);
    if (!(await stat(path)).isFile()) throw new TaskFailure(`Not a file: ${this.show(uri)}`, { retryable: false });
    return path;
  }

  private async fetchLocal({ uri, range }: Resource, path: string, signal: AbortSignal): Promise<void> {
    const source = await this.localPath(uri);
    if (!range) return symlink(source, path);
    const end = range.offset + range.length - 1;
    await pipeline(createReadStream(source, { start: range.offset, end }), createWriteStream(path), { signal });
  }

  private async download({ uri, range }: Resource, path: string, signal: AbortSignal): Promise<void> {
    const stall = new StallWatch(path);
    try {
      const { bytes } = await this.outbound.download(uri, path, {
        maxBytes: range?.length ?? this.limits.maxDownloadBytes,
        timeoutMs: DOWNLOAD_DEADLINE_MS,
        headers: range ? { range: `bytes=${range.offset}-${range.offset + range.length - 1}` } : {},
        signal: AbortSignal.any([signal, stall.signal]),
      });
      if (range && bytes !== range.length)
        throw new TaskFailure(`Cannot read ${shownUrl(uri)}: ${bytes} of ${range.length} bytes arrived`);
    } catch (error) {
      if (stall.signal.aborted) throw new TaskFailure(`Cannot read ${shownUrl(uri)}: no data for ${STALL_MS / 1000} s`);
      this.refuse(uri, error);
    } finally {
      stall.end();
    }
  }

  /** Unreachable is retryable, whatever the status: a packager may be a moment late. An address that is not allowed stays so. */
  private refuse(uri: string, error: unknown): never {
    throwIfAborted(this.context.signal);
    if (!(error instanceof OutboundError)) throw error;
    const why =
      error instanceof OutboundFailed && error.status && (error.status < 200 || error.status > 299)
        ? error.status
        : error.message;
    throw new TaskFailure(`Cannot read ${shownUrl(uri)}: ${why}`, {
      retryable: !(error instanceof OutboundBlocked),
      cause: error,
    });
  }
}

/** The `storage:` URI of a path below the input root. */
export function storageUri(name: string): string {
  const path = name
    .split('/')
    .filter((part) => part !== '')
    .map(encodeURIComponent)
    .join('/');
  return `${STORAGE_SCHEME}///${path}`;
}

function storageName(uri: string): string {
  try {
    return decodeURIComponent(new URL(uri).pathname).replace(/^\/+/, '');
  } catch {
    return uri;
  }
}

function notSupported(what: string): TaskFailure {
  return new TaskFailure(`Not supported: ${what}`, { retryable: false });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Fires when a growing file has not grown for a minute: the client's deadline covers a whole transfer, not a silent one. */
class StallWatch {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private size = -1;

  constructor(private readonly path: string) {
    this.timer = setInterval(() => void this.look(), STALL_MS);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  end(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const size = await stat(this.path).then(
      (entry) => entry.size,
      () => 0,
    );
    if (size === this.size) this.controller.abort();
    this.size = size;
  }
}

/** First bytes of a downloaded file. */
export async function fileHead(path: string, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
