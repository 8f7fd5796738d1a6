import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

import { Agent, type Dispatcher, request as send } from 'undici';

import type { OutboundConfiguration } from '../configuration/variables';
import { AddressRules } from './address-rules';
import { guardedConnector, type LookupAll } from './guarded-connector';
import { OutboundAborted, OutboundBlocked, OutboundError, OutboundFailed, OutboundTimeout } from './outbound.errors';

export interface OutboundOptions {
  /** CIDR ranges, addresses and host names that may be reached although they are private (`OUTBOUND_ALLOW`). */
  allow: readonly string[];
  /** Total time of one exchange in milliseconds, unless the call names its own. */
  timeoutMs: number;
  /** Bytes of a reply body that are kept; 64 KB unless given. */
  maxReplyBytes?: number;
  /** Open connections to one origin; 32 unless given. More requests wait, within their deadline. */
  connections?: number;
  userAgent?: string;
  /** Name look-up; the system's unless given. */
  lookup?: LookupAll;
}

export interface OutboundRequest {
  url: string;
  /** GET unless given. */
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Total deadline in milliseconds. */
  timeoutMs?: number;
  maxReplyBytes?: number;
  signal?: AbortSignal;
  /** false accepts any certificate; true unless given. */
  verifyTls?: boolean;
  /** PEM certificates to trust instead of the system's. */
  ca?: string;
}

export interface OutboundReply {
  status: number;
  /** Lower-case names; repeated headers joined with `, `. */
  headers: Record<string, string>;
  body: Buffer;
  /** The body was longer than the limit and has been cut. */
  truncated: boolean;
  durationMs: number;
}

export interface DownloadOptions extends Pick<
  OutboundRequest,
  'headers' | 'timeoutMs' | 'signal' | 'verifyTls' | 'ca'
> {
  /** A longer body fails the download. */
  maxBytes: number;
}

const DEFAULT_REPLY_BYTES = 64 * 1024;
const DEFAULT_CONNECTIONS = 32;
/** Ways of judging certificates that are kept at a time; each holds its own connections. */
const MAX_TLS_VARIANTS = 16;
/** Idle sockets live this long at most, so a changed DNS entry is seen soon. */
const KEEP_ALIVE_MS = 4_000;

/**
 * All HTTP that leaves the suite: callbacks, webhooks, semaphores, sources. http and https only, no redirect is followed, private
 * addresses are refused on the socket (see `guardedConnector`), and time and size of every exchange are bounded.
 */
export class OutboundHttp {
  private readonly rules: AddressRules;
  private readonly agents = new Map<string, Agent>();
  private closed = false;

  constructor(private readonly options: OutboundOptions) {
    this.rules = new AddressRules(options.allow);
  }

  /** A client as an app's variables say. */
  static from(configuration: OutboundConfiguration, timeoutMs: number): OutboundHttp {
    return new OutboundHttp({
      allow: configuration.OUTBOUND_ALLOW,
      maxReplyBytes: configuration.OUTBOUND_REPLY_BYTES,
      connections: configuration.OUTBOUND_CONNECTIONS,
      timeoutMs,
    });
  }

  /**
   * Sends one request; any status is an answer, redirects too.
   * @throws OutboundBlocked | OutboundTimeout | OutboundFailed | OutboundAborted
   */
  async request(request: OutboundRequest): Promise<OutboundReply> {
    const started = performance.now();
    return this.exchange(request, async (reply) => {
      const { body, truncated } = await readUpTo(
        reply.body,
        request.maxReplyBytes ?? this.options.maxReplyBytes ?? DEFAULT_REPLY_BYTES,
      );
      const durationMs = performance.now() - started;
      return { status: reply.statusCode, headers: plainHeaders(reply), body, truncated, durationMs };
    });
  }

  /**
   * Streams the body of a 2xx answer into the file `path`, which is created or overwritten, and removed when the download fails.
   * @throws OutboundBlocked | OutboundTimeout | OutboundFailed | OutboundAborted
   */
  async download(
    url: string,
    path: string,
    options: DownloadOptions,
  ): Promise<{ bytes: number; headers: Record<string, string> }> {
    return this.exchange({ ...options, url }, async (reply) => {
      const { statusCode: status } = reply;
      const tooLarge = () => new OutboundFailed(`the file is larger than ${options.maxBytes} bytes`, status);
      if (status < 200 || status > 299) throw new OutboundFailed(`the server answered ${status}`, status);
      if (Number(reply.headers['content-length'] ?? 0) > options.maxBytes) throw tooLarge();
      let bytes = 0;
      const file = openSync(path, 'w');
      try {
        await consume(reply.body, (chunk) => {
          bytes += chunk.length;
          if (bytes > options.maxBytes) throw tooLarge();
          writeSync(file, chunk);
        });
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      } finally {
        closeSync(file);
      }
      return { bytes, headers: plainHeaders(reply) };
    });
  }

  /** Lets running exchanges end and closes every connection. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.agents.values()].map((agent) => agent.close()));
    this.agents.clear();
  }

  /** One exchange under its deadline; `read` must consume or give up the body. */
  private async exchange<T>(
    request: OutboundRequest,
    read: (reply: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> {
    const url = this.rules.check(request.url);
    if (this.closed) throw new OutboundFailed('outgoing requests are closed');
    const timeoutMs = request.timeoutMs ?? this.options.timeoutMs;
    // One controller and one timer instead of AbortSignal.any/timeout: both are released as soon as the exchange ends.
    const abort = new AbortController();
    const onAbort = () => abort.abort(new OutboundAborted('the request was aborted'));
    if (request.signal?.aborted) throw new OutboundAborted('the request was aborted');
    request.signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(
      () => abort.abort(new OutboundTimeout(`no complete answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    let reply: Dispatcher.ResponseData | undefined;
    try {
      reply = await send(url, {
        method: request.method ?? 'GET',
        headers: { 'user-agent': this.options.userAgent ?? 'task-engine', ...request.headers },
        body: request.body,
        signal: abort.signal,
        highWaterMark: NEVER_HELD_BACK,
        dispatcher: this.agent(request.verifyTls ?? true, request.ca),
      });
      return await read(reply);
    } catch (error) {
      throw translate(error, abort.signal);
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
      // a body that was not read to its end would hold its connection for ever
      reply?.body.on('error', () => undefined).destroy();
    }
  }

  private agent(verifyTls: boolean, ca: string | undefined): Agent {
    const key = `${verifyTls}\n${ca ?? ''}`;
    const known = this.agents.get(key);
    this.agents.delete(key);
    const agent =
      known ??
      new Agent({
        connect: guardedConnector(this.rules, { verifyTls, ca }, this.options.timeoutMs, this.options.lookup),
        connections: this.options.connections ?? DEFAULT_CONNECTIONS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveMaxTimeout: KEEP_ALIVE_MS,
        // the deadline of the exchange bounds these
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    this.agents.set(key, agent);
    const [oldest] = this.agents.keys();
    if (this.agents.size > MAX_TLS_VARIANTS && oldest !== undefined) {
      void this.agents.get(oldest)?.close();
      this.agents.delete(oldest);
    }
    return agent;
  }
}

/**
 * More than any body that is read. undici 7 fails an assertion that nobody can catch when a server closes the connection while its
 * parser is held back (nodejs/undici#5360; mended in 8, which needs Node 22). So it is never held back: every chunk is dealt with
 * synchronously as it comes, which bounds memory as well.
 */
const NEVER_HELD_BACK = Number.MAX_SAFE_INTEGER;

/** Hands over each chunk as it arrives, until the end or until `take` answers false or throws. */
function consume(body: Readable, take: (chunk: Buffer) => boolean | void): Promise<void> {
  return new Promise((resolve, reject) => {
    body.on('error', reject).on('end', resolve);
    body.on('data', (chunk: Buffer) => {
      try {
        if (take(chunk) === false) resolve();
        else return;
      } catch (error) {
        reject(error);
      }
      body.removeAllListeners('data').destroy();
    });
  });
}

async function readUpTo(body: Readable, limit: number): Promise<{ body: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  await consume(body, (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    return size <= limit;
  });
  return { body: Buffer.concat(chunks).subarray(0, limit), truncated: size > limit };
}

function plainHeaders(reply: Dispatcher.ResponseData): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

const NO_CONNECTION = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'ETIMEDOUT',
]);

/** Any fault of an exchange as one of ours, in words that may be shown; the original stays in `cause` for the log. */
function translate(error: unknown, signal: AbortSignal): OutboundError {
  if (signal.aborted && signal.reason instanceof OutboundError) return signal.reason;
  const own = findOwn(error);
  if (own) return own;
  const code = codeOf(error);
  const options = { cause: error };
  if (isFileFault(error)) return new OutboundFailed(`the file could not be written (${code})`, undefined, options);
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return new OutboundTimeout('no connection in time', options);
  return new OutboundFailed(describe(code), undefined, options);
}

function describe(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA') return 'the host name could not be resolved';
  if (NO_CONNECTION.has(code)) return 'could not connect';
  if (/^(ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH)/.test(code))
    return `TLS failed (${code})`;
  if (code === 'UND_ERR_INVALID_ARG') return 'the method or a header of the request is not valid';
  if (/^(HPE|UND_ERR_(HEADERS_OVERFLOW|RES_|RESPONSE))/.test(code)) return 'the answer is not valid HTTP';
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE')
    return 'the connection was closed before the answer was complete';
  return 'the request failed';
}

function findOwn(error: unknown): OutboundError | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (current instanceof OutboundError) return current;
  }
  // when every address of a name was tried the errors come bundled
  const bundled = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return bundled.find((each): each is OutboundBlocked => each instanceof OutboundBlocked);
}

/** Errors of the file: they name a path, errors of sockets an address. */
function isFileFault(error: unknown): boolean {
  const { syscall, path, code } = error as NodeJS.ErrnoException;
  return (syscall === 'open' && path !== undefined) || code === 'ENOSPC' || code === 'EDQUOT';
}

function codeOf(error: unknown): string {
  const fault = error as { code?: string; name?: string; errors?: { code?: string }[] };
  // undici gives its parser errors a code in some cases only
  return fault.code ?? fault.errors?.[0]?.code ?? (fault.name === 'HTTPParserError' ? 'HPE' : '');
}
