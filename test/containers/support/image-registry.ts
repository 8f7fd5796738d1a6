import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { containerTests } from './container-tests';
import { rootFileSystem } from './test-images';

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const CONFIG = 'application/vnd.docker.container.image.v1+json';
const LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';

/**
 * A registry on loopback, which Docker asks without TLS. Whatever image is asked for is the tools of test-images.ts, except those called `missing`.
 */
export class ImageRegistry {
  /** Manifests that were asked for, `image:tag` or `image:digest`. */
  readonly asked: string[] = [];
  private readonly forgotten = new Set<string>();
  /** `host:port`, the first part of its images' names. */
  name = '';

  private constructor(
    private readonly server: Server,
    private readonly blobs: Map<string, { type: string; bytes: Buffer }>,
    readonly digest: string,
  ) {}

  static async start(): Promise<ImageRegistry> {
    const tests = containerTests();
    if ('missing' in tests) throw new Error(tests.missing);
    const blobs = new Map<string, { type: string; bytes: Buffer }>();
    const add = (type: string, bytes: Buffer) => {
      const digest = digestOf(bytes);
      blobs.set(digest, { type, bytes });
      return { mediaType: type, size: bytes.length, digest };
    };
    const tar = readFileSync(rootFileSystem(tests));
    const layer = add(LAYER, gzipSync(tar, { level: 1 }));
    const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
    const rootfs = { type: 'layers', diff_ids: [digestOf(tar)] };
    const config = add(CONFIG, json({ ...platform, config: {}, rootfs, history: [{}] }));
    const { digest } = add(MANIFEST, json({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }));
    const registry: ImageRegistry = new ImageRegistry(
      createServer((request, response) => {
        const answer = registry.answer(request.url ?? '');
        response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.bytes.length });
        response.end(request.method === 'HEAD' ? undefined : answer.bytes);
      }),
      blobs,
      digest,
    );
    await new Promise<void>((resolve) => registry.server.listen(0, '127.0.0.1', resolve));
    registry.name = `127.0.0.1:${(registry.server.address() as AddressInfo).port}`;
    return registry;
  }

  /** It has the image no more. */
  forget(image: string): void {
    this.forgotten.add(image);
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(path: string): { status: number; headers: Record<string, string>; bytes: Buffer } {
    const [, image, kind, reference] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)/.exec(path) ?? [];
    if (image === undefined || reference === undefined) return { status: 200, headers: {}, bytes: json({}) };
    if (kind === 'manifests') this.asked.push(`${image}:${reference}`);
    const digest = reference.startsWith('sha256:') ? reference : this.digest;
    const blob = image.endsWith('missing') || this.forgotten.has(image) ? undefined : this.blobs.get(digest);
    const fault = { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] };
    if (!blob) return { status: 404, headers: { 'content-type': 'application/json' }, bytes: json(fault) };
    return { status: 200, headers: { 'content-type': blob.type, 'docker-content-digest': digest }, bytes: blob.bytes };
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Takes connections and does not answer. */
export class SilentServer {
  private constructor(
    private readonly server: Server,
    /** Resolves with the first request. */
    readonly asked: Promise<void>,
  ) {}

  static async start(): Promise<SilentServer> {
    const server = createServer();
    const asked = new Promise<void>((resolve) => server.once('connection', () => resolve()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new SilentServer(server, asked);
  }

  /** `host:port`. */
  get name(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
