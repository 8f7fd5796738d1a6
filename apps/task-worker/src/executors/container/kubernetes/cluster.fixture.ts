import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  alreadyExists,
  type Json,
  NAMESPACE,
  notFound,
  podOf,
  statusOf,
  storedJob,
  terminated,
} from './recorded-shapes.fixture';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Json | undefined;
}

/** Answers a request in the server's stead; false leaves it to the server. */
type Interception = (asked: Asked, response: ServerResponse) => boolean;

interface PodLog {
  bytes: Buffer;
  readonly followers: Set<ServerResponse>;
}

const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const JOBS = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
const EVENTS = `/api/v1/namespaces/${NAMESPACE}/events`;

/**
 * An API server over HTTP with the parts that Jobs need: it stores what it is sent, numbers each change, tells those who watch, and serves logs.
 * Controllers and kubelets are the test: it says what becomes of a pod.
 */
export class Cluster {
  readonly asked: Asked[] = [];
  readonly jobs = new Map<string, Json>();
  readonly pods = new Map<string, Json>();
  readonly events: Json[] = [];
  /** What becomes of a Job; by itself nothing. */
  onJob: (job: Json) => void = () => undefined;
  /** What becomes of a pod that is asked to end: by itself it does, on TERM, and is gone. */
  onPodDeleted: (name: string) => void = (name) => {
    this.setStatus(name, terminated(143));
    this.removePod(name);
  };
  private readonly changes: { version: number; type: string; pod: Json }[] = [];
  private readonly watchers = new Set<{ query: URLSearchParams; response: ServerResponse }>();
  private readonly logs = new Map<string, PodLog>();
  private readonly interceptions = new Set<Interception>();
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  private version = 1_000;
  port = 0;

  async up(): Promise<this> {
    this.server = createServer((request, response) => void this.answer(request, response));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  /** Breaks every connection, and refuses new ones. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.server?.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** @returns what ends it */
  intercept(interception: Interception): () => void {
    this.interceptions.add(interception);
    return () => this.interceptions.delete(interception);
  }

  /** Refuses each request of a kind. @returns what ends it */
  refuse(method: string, path: RegExp, status: Json, headers: Record<string, string> = {}): () => void {
    return this.intercept((asked, response) => {
      if (asked.method !== method || !path.test(asked.path)) return false;
      send(response, status.code as number, status, headers);
      return true;
    });
  }

  /** Adds the pod of a Job. @returns its name */
  addPod(job: Json, status: Json, more: Json = {}): string {
    const pod = podOf(job, status, more);
    this.pods.set(pod.metadata.name, pod);
    this.logs.set(pod.metadata.name, { bytes: Buffer.alloc(0), followers: new Set() });
    this.change('ADDED', pod);
    return pod.metadata.name as string;
  }

  setStatus(name: string, status: Json): void {
    this.setPod({ ...this.pods.get(name)!, status });
  }

  setPod(pod: Json): void {
    this.pods.set(pod.metadata.name, pod);
    this.change('MODIFIED', pod);
    if (isRunning(pod)) return;
    for (const follower of this.logs.get(pod.metadata.name)!.followers) follower.end();
  }

  /** It is gone without another word. */
  removePod(name: string): void {
    const pod = this.pods.get(name);
    if (!pod) return;
    this.pods.delete(name);
    for (const follower of this.logs.get(name)!.followers) follower.end();
    this.change('DELETED', pod);
  }

  /** What the command writes. */
  write(name: string, written: string | Buffer): void {
    const log = this.logs.get(name)!;
    log.bytes = Buffer.concat([log.bytes, Buffer.from(written)]);
    for (const follower of log.followers) follower.write(written);
  }

  /** The node begins a new file: what was written before is not answered any more. */
  turnLog(name: string): void {
    this.logs.get(name)!.bytes = Buffer.alloc(0);
  }

  /** @param how as the API ends an answer, or the connection breaks */
  endLogs(name: string, how: 'cleanly' | 'broken'): void {
    for (const follower of this.logs.get(name)!.followers) {
      if (how === 'cleanly') follower.end();
      else follower.destroy();
    }
  }

  followers(name: string): number {
    return this.logs.get(name)!.followers.size;
  }

  requests(method: string, path: RegExp): Asked[] {
    return this.asked.filter((each) => each.method === method && path.test(each.path));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://cluster');
    const sent = await text(request);
    const asked: Asked = {
      method: request.method!,
      path: url.pathname,
      query: url.searchParams,
      body: sent === '' ? undefined : JSON.parse(sent),
    };
    this.asked.push(asked);
    if ([...this.interceptions].some((interception) => interception(asked, response))) return;
    const { method, path } = asked;
    if (path === '/version') return send(response, 200, { major: '1', minor: '31', gitVersion: 'v1.31.4' });
    if (path === EVENTS) return send(response, 200, list('EventList', this.eventsFor(asked), this.version));
    if (path === JOBS && method === 'POST') return this.createJob(asked.body!, response);
    if (path === JOBS)
      return send(response, 200, list('JobList', this.selected(this.jobs, asked), this.version, 'batch/v1'));
    if (path.startsWith(JOBS)) return this.job(asked, path.slice(JOBS.length + 1), response);
    if (path === PODS && asked.query.get('watch') === 'true') return this.watch(asked, response);
    if (path === PODS) return send(response, 200, list('PodList', this.selected(this.pods, asked), this.version));
    const [, name, log] = /^\/([^/]+)(\/log)?$/.exec(path.slice(PODS.length)) ?? [];
    if (path.startsWith(PODS) && name) return log ? this.log(asked, name, response) : this.pod(asked, name, response);
    send(response, 404, statusOf(404, 'NotFound', 'the server could not find the requested resource'));
  }

  private createJob(sent: Json, response: ServerResponse): void {
    const { name } = sent.metadata;
    if (this.jobs.has(name)) return send(response, 409, alreadyExists(name));
    const job = storedJob(sent, String((this.version += 1)));
    this.jobs.set(name, job);
    send(response, 201, job);
    this.onJob(job);
  }

  private job({ method }: Asked, name: string, response: ServerResponse): void {
    const job = this.jobs.get(name);
    if (!job) return send(response, 404, notFound('jobs.batch', name));
    if (method === 'GET') return send(response, 200, job);
    this.jobs.delete(name);
    send(response, 200, statusOf(200, '', '', { name, group: 'batch', kind: 'jobs', uid: job.metadata.uid }));
    for (const [pod, { metadata }] of this.pods) if (metadata.ownerReferences[0].name === name) this.removePod(pod);
  }

  private pod({ method, query }: Asked, name: string, response: ServerResponse): void {
    const pod = this.pods.get(name);
    if (!pod) return send(response, 404, notFound('pods', name));
    if (method === 'GET') return send(response, 200, pod);
    const grace = Number(query.get('gracePeriodSeconds'));
    const deletionTimestamp = new Date(Date.now() + grace * 1_000).toISOString().replace(/\.\d+Z/, 'Z');
    const metadata = { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace };
    this.setPod({ ...pod, metadata });
    send(response, 200, this.pods.get(name)!);
    this.onPodDeleted(name);
  }

  private log({ query }: Asked, name: string, response: ServerResponse): void {
    const pod = this.pods.get(name);
    if (!pod) return send(response, 404, notFound('pods', name));
    const state = pod.status.containerStatuses?.[0]?.state;
    if (!state || state.waiting) {
      const why = state?.waiting.reason ?? 'ContainerCreating';
      const said = `container "${query.get('container')}" in pod "${name}" is waiting to start: ${why}`;
      return send(response, 400, statusOf(400, 'BadRequest', said));
    }
    const log = this.logs.get(name)!;
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.flushHeaders();
    response.write(log.bytes);
    if (query.get('follow') !== 'true' || !isRunning(pod)) return void response.end();
    log.followers.add(response);
    response.once('close', () => log.followers.delete(response));
  }

  private watch({ query }: Asked, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watcher = { query, response };
    const since = Number(query.get('resourceVersion') ?? 0);
    for (const { version, type, pod } of this.changes) if (version > since) tell(watcher, type, pod);
    this.watchers.add(watcher);
    const timer = setTimeout(() => response.end(), Number(query.get('timeoutSeconds')) * 1_000);
    response.once('close', () => {
      clearTimeout(timer);
      this.watchers.delete(watcher);
    });
  }

  private change(type: string, pod: Json): void {
    this.version += 1;
    pod.metadata = { ...pod.metadata, resourceVersion: String(this.version) };
    this.changes.push({ version: this.version, type, pod });
    for (const watcher of this.watchers) tell(watcher, type, pod);
  }

  private selected(objects: Map<string, Json>, { query }: Asked): Json[] {
    return [...objects.values()].filter((object) => matches(object, query));
  }

  private eventsFor({ query }: Asked): Json[] {
    return query.get('fieldSelector')?.startsWith('involvedObject.uid=') ? this.events : [];
  }
}

function matches({ metadata }: Json, query: URLSearchParams): boolean {
  const [, name] = /^metadata\.name=(.+)$/.exec(query.get('fieldSelector') ?? '') ?? [];
  if (name !== undefined) return metadata.name === name;
  const [label, value] = (query.get('labelSelector') ?? '').split('=');
  const has = metadata.labels?.[label!];
  return value === undefined ? has !== undefined : has === value;
}

function tell(
  { query, response }: { query: URLSearchParams; response: ServerResponse },
  type: string,
  pod: Json,
): void {
  if (!matches(pod, query)) return;
  response.write(`${JSON.stringify({ type, object: { kind: 'Pod', apiVersion: 'v1', ...pod } })}\n`);
}

function isRunning({ status }: Json): boolean {
  return status.containerStatuses?.[0]?.state.running !== undefined;
}

function list(kind: string, items: Json[], version: number, apiVersion = 'v1'): Json {
  return { kind, apiVersion, metadata: { resourceVersion: String(version) }, items };
}

export function send(response: ServerResponse, code: number, body: Json, headers: Record<string, string> = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
