import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';
import { freePort } from '../../../scripts/local/ports';
import { eventually } from '../../support/eventually';
import { containerTests } from './container-tests';
import { loadImages } from './test-images';
import type { TestCertificates } from './test-certificates';

export interface EngineOptions {
  /** Listens on 127.0.0.1 too. */
  tcp?: boolean;
  /** That port wants these. */
  tls?: TestCertificates;
  /** Containers outlive the engine. */
  liveRestore?: boolean;
}

/**
 * Keeps the namespaces of one engine alive. What an engine leaves in places of its own choice (/run, /opt) goes to file systems that nobody else
 * sees, and all its processes and mounts end with this one: it dies with the process that started it, SIGKILL included. A shell that waits, because
 * the first process of a namespace inherits the dead, and containerd is taken for alive until somebody has noticed its end.
 */
const HOLDER =
  'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /opt && echo ready && while :; do sleep 1000 & wait $!; done';

const STOP_MS = 10_000;

const CGROUPS = '/sys/fs/cgroup';

/** A real Docker engine of the test's own, with the images of test-images.ts and no network. */
export class TestEngine {
  readonly docker: Docker;
  private daemon: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly holder: ChildProcess,
    private readonly options: EngineOptions & { port?: number },
  ) {
    this.docker = new Docker({ socketPath: this.socket, headers: { Connection: 'close' } });
  }

  /** @throws Error when none can start on this machine */
  static async start(options: EngineOptions = {}): Promise<TestEngine> {
    const tests = containerTests();
    if ('missing' in tests) throw new Error(tests.missing);
    const folder = mkdtempSync(join(tests.root, 'engine-'));
    const holder = await startHolder();
    const port = options.tcp || options.tls ? await freePort() : undefined;
    const engine = new TestEngine(folder, holder, { ...options, port });
    try {
      // Else it would be written to /etc.
      writeFileSync(engine.file('daemon.json'), JSON.stringify({ 'deprecated-key-path': engine.file('key.json') }));
      await engine.launch();
      await loadImages(engine.docker, tests);
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  /** As DOCKER_HOSTS writes it. */
  get host(): string {
    return `unix://${this.socket}`;
  }

  /** The same engine by its port. */
  get tcpHost(): string {
    return `127.0.0.1:${this.options.port}`;
  }

  /** Starts it again after `kill` or `shutDown`, with its data. */
  async launch(): Promise<void> {
    const tests = containerTests();
    if ('missing' in tests) throw new Error(tests.missing);
    const { folder, libraries } = tests.programs;
    const log = openSync(this.file('log'), 'a');
    const [inside] = childrenOf(this.holder.pid);
    // A stale one names whatever has the number now.
    rmSync(this.file('pid'), { force: true });
    this.daemon = spawn('nsenter', ['-t', String(inside), '-m', '-p', 'dockerd', ...this.arguments()], {
      stdio: ['ignore', log, log],
      env: { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin`, LD_LIBRARY_PATH: libraries, LC_ALL: 'C' },
    });
    closeSync(log);
    const { daemon } = this;
    await eventually(
      async () => {
        if (daemon.exitCode !== null) throw new Error(`dockerd has ended: ${this.logEnd()}`);
        await this.docker.ping();
      },
      { timeout: 30_000 },
    );
  }

  /** SIGKILL to the engine; its containers go on, or not, as it is configured. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async shutDown(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** It takes connections and answers nothing, until `resume`. */
  suspend(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
    // It has stopped with its child.
    this.daemon?.kill('SIGCONT');
  }

  /** Ends all there is of it, at once. */
  async stop(): Promise<void> {
    if (this.holder.exitCode === null && this.holder.signalCode === null) {
      this.holder.kill('SIGKILL');
      await once(this.holder, 'exit');
    }
    // Their last processes may still be ending.
    await eventually(() => removeCgroups(this.cgroup), { timeout: 5000 });
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  /** Names of all its containers. */
  async containers(): Promise<string[]> {
    const found = await this.docker.listContainers({ all: true });
    return found.flatMap(({ Names }) => Names.map((name) => name.slice(1)));
  }

  /** How many connections to its socket are open. */
  connections(): number {
    const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
    return lines.filter((line) => line.endsWith(` ${this.socket}`) && line.split(/\s+/)[5] === '03').length;
  }

  private get socket(): string {
    return this.file('docker.sock');
  }

  private get cgroup(): string {
    return `task-engine-${this.folder.slice(-6)}`;
  }

  private file(name: string): string {
    return join(this.folder, name);
  }

  private arguments(): string[] {
    const { port, tls, liveRestore } = this.options;
    const files = tls
      ? ['--tlsverify', `--tlscacert=${tls.caFile}`, `--tlscert=${tls.certFile}`, `--tlskey=${tls.keyFile}`]
      : [];
    return [
      `--config-file=${this.file('daemon.json')}`,
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
      '--exec-opt=native.cgroupdriver=cgroupfs',
      `--cgroup-parent=/${this.cgroup}`,
      '--shutdown-timeout=1',
      `--data-root=${this.file('data')}`,
      `--exec-root=${this.file('exec')}`,
      `--pidfile=${this.file('pid')}`,
      `--host=${this.host}`,
      ...(port === undefined ? [] : [`--host=tcp://127.0.0.1:${port}`, ...files]),
      // Without TLS it warns, and waits a while for the operator to think better of it.
      ...(port !== undefined && !tls ? ['--tls=false'] : []),
      ...(liveRestore ? ['--live-restore'] : []),
    ];
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { daemon } = this;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exited = once(daemon, 'exit');
    this.signal(signal);
    const cut = setTimeout(() => this.signal('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(cut);
  }

  /** To dockerd itself, the child of the program that entered the namespaces. */
  private signal(signal: NodeJS.Signals): void {
    for (const pid of childrenOf(this.daemon?.pid)) process.kill(pid, signal);
  }

  private logEnd(): string {
    return readFileSync(this.file('log'), 'utf8').trim().split('\n').slice(-5).join('\n');
  }
}

async function startHolder(): Promise<ChildProcess> {
  const holder = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      'unshare',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child=KILL',
      '--mount-proc',
      'sh',
      '-c',
      HOLDER,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let complaint = '';
  holder.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const failed = once(holder, 'close').then(() => complaint.trim());
  const fault = await Promise.race([once(holder.stdout, 'data').then(() => undefined), failed]);
  if (fault !== undefined) throw new Error(`a container engine cannot have namespaces of its own here: ${fault}`);
  return holder;
}

function childrenOf(pid: number | undefined): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** What the kernel keeps of containers that were killed with their engine: of each controller (version 1), or of all (version 2). */
function removeCgroups(name: string): void {
  for (const controller of ['', ...readdirSync(CGROUPS)]) {
    const folder = join(CGROUPS, controller, name);
    if (existsSync(folder)) removeCgroup(folder);
  }
}

function removeCgroup(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
  }
  rmdirSync(folder);
}
