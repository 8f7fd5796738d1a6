import type { IncomingMessage } from 'node:http';
import type Docker from 'dockerode';
import { HostUnreachable } from '../runtime';
import type { DockerHost, TlsFiles } from './docker-host';
import { limited } from './limited';
import { readStream, StreamBroken, type StreamWatch } from './read-stream';

/** The engine has answered, and said no. */
export class EngineRefusal extends Error {
  override name = 'EngineRefusal';
  constructor(
    /** HTTP status. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** What of an engine decides how it is used. */
export interface EngineFacts {
  /** Docker or built from it; not another engine that speaks its API. */
  readonly isDocker: boolean;
  /** First number of its version; 0 when it is none. */
  readonly major: number;
}

export interface CallOptions {
  /** Seconds until the engine counts as unreachable. */
  readonly seconds: number;
  readonly signal?: AbortSignal;
  /** False: a failure is only a look at the host, and not to be counted against it [true]. */
  readonly counts?: boolean;
}

/** A request that dockerode has no method for, or one that takes no signal. */
export interface EngineRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Record<string, string | number | boolean>;
  readonly body?: object;
}

export interface ConnectionOptions {
  readonly tls?: TlsFiles;
  /** Ends every call. */
  readonly closing: AbortSignal;
  /** Called when the engine could not be reached, or did not answer in time. `first`: the last time it did. */
  readonly onUnreachable: (host: DockerHost, error: HostUnreachable, first: boolean) => Promise<void>;
}

/**
 * Calls to one engine, each with a time limit. A call ends in one of four ways: its answer, EngineRefusal, HostUnreachable, or the reason
 * of the caller's signal.
 */
export class EngineConnection {
  private client: Docker | undefined;
  private knownFacts: EngineFacts | undefined;
  private reachable = true;

  constructor(
    readonly host: DockerHost,
    private readonly options: ConnectionOptions,
  ) {}

  async call<T>(options: CallOptions, work: (docker: Docker, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = options;
    const signals = signal ? [signal, this.options.closing] : [this.options.closing];
    try {
      const answer = await limited({ signals, seconds: options.seconds }, async (limit) =>
        work(await this.docker(), limit),
      );
      this.reachable = true;
      return answer;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const refusal = refusalOf(error);
      if (refusal) throw refusal;
      const unreachable = this.unreachable(error);
      // It may come back as another version.
      this.knownFacts = undefined;
      if (options.counts !== false && !this.options.closing.aborted) await this.count(unreachable);
      throw unreachable;
    }
  }

  /** @returns the answer's JSON, or its text as bytes where it is none */
  request<T>(options: CallOptions, request: EngineRequest): Promise<T> {
    return this.call(options, async (docker, signal) => (await dial(docker, request, signal, false)) as T);
  }

  /** Opens a stream; the time limit is that of its beginning. Whoever gets it must `read` it. */
  open(options: CallOptions, request: EngineRequest): Promise<IncomingMessage> {
    return this.call(options, async (docker, signal) => {
      const stream = (await dial(docker, request, signal, true)) as IncomingMessage;
      // Nobody is there to read it any more.
      if (signal.aborted) stream.destroy();
      // Whether the other end is gone without a word is asked after so long; a silent stream would never know.
      stream.socket.setKeepAlive(true, 15_000);
      return stream;
    });
  }

  /**
   * Reads a stream of `open`. One that breaks off is not counted against the host: whether that was the engine's end, the next call tells.
   * @throws HostUnreachable, what `take` throws, or the reason of a signal
   */
  async read(
    stream: IncomingMessage,
    watch: StreamWatch,
    take: (chunk: Buffer) => void | Promise<void>,
  ): Promise<'ended' | 'over'> {
    const { closing } = this.options;
    try {
      return await readStream(stream, { ...watch, signals: [...watch.signals, closing] }, take);
    } catch (error) {
      throw error instanceof StreamBroken || (closing.aborted && error === closing.reason)
        ? this.unreachable(error)
        : error;
    }
  }

  /** Whether it answers. @throws HostUnreachable */
  async ping(options: CallOptions): Promise<void> {
    try {
      await this.request(options, { method: 'GET', path: '/_ping' });
    } catch (error) {
      if (!(error instanceof EngineRefusal)) throw error;
      // It is there, but not well: an engine that is says OK.
      const unreachable = this.unreachable(error);
      if (options.counts !== false) await this.count(unreachable);
      throw unreachable;
    }
  }

  async facts(options: CallOptions): Promise<EngineFacts> {
    if (this.knownFacts) return this.knownFacts;
    const { Version, Components } = await this.request<Partial<Docker.DockerVersion>>(options, {
      method: 'GET',
      path: '/version',
    });
    // Podman names its part `Podman Engine`; Docker, and what is built from it, `Engine`. Very old ones name none.
    const isDocker = Components?.some(({ Name }) => Name === 'Engine') ?? true;
    this.knownFacts = { isDocker, major: Number.parseInt(Version ?? '', 10) || 0 };
    return this.knownFacts;
  }

  /** Any failure as one of the host. */
  unreachable(error: unknown): HostUnreachable {
    if (error instanceof HostUnreachable) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new HostUnreachable(`${this.host.name}: ${message}`, { cause: error });
  }

  private async count(error: HostUnreachable): Promise<void> {
    const first = this.reachable;
    this.reachable = false;
    await this.options.onUnreachable(this.host, error, first);
  }

  /** Loaded with the first call: dockerode takes 0.2 s and 20 MB, which a worker that runs no containers is spared. */
  private async docker(): Promise<Docker> {
    const { default: Dockerode } = await import('dockerode');
    this.client ??= new Dockerode(dockerOptions(this.host, this.options.tls));
    return this.client;
  }
}

/** Everything is given, also what is not wanted: docker-modem fills gaps from DOCKER_HOST and its like in the worker's environment. */
function dockerOptions({ host, port, socketPath }: DockerHost, tls?: TlsFiles): Docker.DockerOptions {
  const protocol: 'http' | 'https' = tls && !socketPath ? 'https' : 'http';
  const shared = {
    protocol,
    ca: undefined,
    cert: undefined,
    key: undefined,
    timeout: undefined,
    version: undefined,
    pathPrefix: undefined,
    // A connection of its own for each request: none is left open, and none fails because the engine has closed it meanwhile.
    headers: { Connection: 'close' },
  };
  if (socketPath) return { ...shared, host: undefined, port: undefined, socketPath };
  // As a URL: of a bare IPv6 address docker-modem would take the first part for a scheme.
  const url = `${protocol}://${host.includes(':') ? `[${host}]` : host}`;
  return { ...shared, ...tls, host: url, port, socketPath: undefined };
}

const SUCCESS = { 200: true, 201: true, 204: true };

function dial(docker: Docker, request: EngineRequest, abortSignal: AbortSignal, isStream: boolean): Promise<unknown> {
  const options = {
    method: request.method,
    path: `${request.path}?`,
    // Without a body of its own the query would be one.
    options: { _query: request.query ?? {}, _body: request.body ?? {} },
    statusCodes: SUCCESS,
    abortSignal,
    isStream,
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(options, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

function refusalOf(error: unknown): EngineRefusal | undefined {
  if (error instanceof EngineRefusal) return error;
  const { statusCode, json, message } = error as { statusCode?: unknown; json?: unknown; message?: unknown };
  if (typeof statusCode !== 'number') return undefined;
  const said = (json as { message?: unknown } | null | undefined)?.message;
  // docker-modem wraps what the engine said as `(HTTP code 500) unexpected - <it> `.
  const wrapped = String(message).trim();
  return new EngineRefusal(statusCode, typeof said === 'string' ? said : wrapped.replace(/^\(HTTP code.*? - /, ''));
}
