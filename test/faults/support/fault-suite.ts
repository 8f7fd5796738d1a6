import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import type { AppProcess } from '../../../scripts/local/app-process';
import type { LocalServers } from '../../../scripts/local/local-servers';
import { EngineSuite } from '../../e2e/engine/engine-suite';
import { recordLimits } from '../../e2e/engine/history';
import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import type { TestSuiteOptions } from '../../support/start-suite';
import { startOwnServers, temporaryFolder } from '../../support/test-servers';
import { expectIntact } from './intact';
import { Load, type LoadOptions, type Sent } from './load';
import { completions, nextSteps, rateBack, type Recovery } from './recovery';

/** Seconds from a fault's end within which everything must be as before: lease of 10 s, a sweep and a start. */
export const RECOVERY_SECONDS = 12;
/** Jobs at one time, 2 of them kept for urgent ones: about twice what the load needs, so that a backlog reaches the limit. */
const MAX_JOBS = 6;

/** Milliseconds in which the load must run steadily before it is halved. */
const STEADY_WITHIN = 10_000;

export interface FaultSuiteOptions {
  /** [2 of each] */
  replicas?: TestSuiteOptions['replicas'];
  /** Variables of the apps. */
  env?: Record<string, string>;
  /** Workflow definitions by name, YAML without the line `workflow:`. */
  workflows?: Record<string, string>;
  /** PostgreSQL and Redis of the suite's own, in `servers`, to be killed and restarted [those of the jest run]. */
  own?: boolean;
  /** Settings of an own PostgreSQL, such as `max_connections`. Implies `own`. */
  postgresSettings?: Record<string, string>;
  /** Puts something between the apps and the own servers: gets the address of the server, gives the one for the apps. */
  through?: { postgres?: (url: string) => Promise<string>; redis?: (url: string) => Promise<string> };
}

export interface EndureOptions extends LoadOptions {
  /** Whether apps must be ready afterwards [RECOVERY_SECONDS]. */
  within?: number;
}

export interface Endured {
  recovery: Required<Recovery>;
  /** The worst of them: seconds from the fault's end until all is as before. */
  seconds: number;
  /** Everything that was submitted, as answered. */
  sent: Sent[];
  /** Moments (ms since the epoch) of the fault. */
  began: number;
  ended: number;
  /** Submissions per second. */
  rate: number;
  /** Completions of the load's jobs per second while the fault lasted and until recovery, as a share of the rate of submission. */
  share: number;
}

/** The real processes under a steady load, what is done to them, and whether they came through it. */
export class FaultSuite {
  private constructor(
    readonly engine: EngineSuite,
    /** PostgreSQL and Redis of the suite's own: `servers.redis!.process.kill()` … */
    readonly servers: LocalServers | undefined,
    /** Looks into the database past any proxy. */
    readonly pool: Pool,
    /** Gets the callbacks of the load. */
    readonly listener: CallbackListener,
    private readonly folder: string,
  ) {}

  static async start({
    replicas = 2,
    env = {},
    workflows,
    own,
    postgresSettings,
    through = {},
  }: FaultSuiteOptions = {}): Promise<FaultSuite> {
    const undo: (() => unknown)[] = [];
    try {
      const folder = temporaryFolder('faults');
      undo.push(() => rmSync(folder, { recursive: true, force: true }));
      const listener = await CallbackListener.start();
      undo.push(() => listener.close());
      const isOwn = own || postgresSettings || through.postgres || through.redis;
      const servers = isOwn ? await startOwnServers({}, postgresSettings) : undefined;
      if (servers) undo.push(() => servers.stop());
      const same = (url: string) => Promise.resolve(url);
      const options: TestSuiteOptions = {
        replicas,
        env: { CALLBACK_FIRST_RETRY_SECONDS: '1', ...writeWorkflows(folder, workflows), ...env },
        servers: servers && {
          databaseUrl: await (through.postgres ?? same)(servers.databaseUrl),
          redisUrl: await (through.redis ?? same)(servers.redisUrl),
        },
      };
      const engine = await EngineSuite.start(options);
      undo.push(() => engine.stop());
      const connectionString = servers?.databaseUrl ?? engine.local.databaseUrl;
      // Never idle out: where a test lets no connection be left, one that this pool gives up would be an app's.
      const pool = new Pool({ connectionString, max: 3, idleTimeoutMillis: 0 });
      // an idle connection that ends with its server is replaced at the next query
      pool.on('error', () => undefined);
      await engine.set({ max_jobs: MAX_JOBS, priority_slots: 2, priority_threshold: 5 });
      await recordLimits(engine);
      return new FaultSuite(engine, servers, pool, listener, folder);
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.pool.end();
    await this.engine.stop();
    await this.listener.close();
    await this.servers?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * Load on, fault, recovery measured and printed, load off, everything drained and checked: nothing lost, nothing finished twice, limits held, callbacks
   * delivered, recovery within 12 s.
   * @param fault does the harm; the fault is over when it resolves
   */
  async endure(what: string, fault: (load: Load) => Promise<unknown>, options: EndureOptions = {}): Promise<Endured> {
    const load = new Load(this.engine, { endpoint: this.listener.url('/load'), ...options });
    try {
      await this.steady(load);
      const began = Date.now();
      await fault(load);
      const ended = Date.now();
      const recovery = await this.recovered(load, ended);
      const seconds = Math.max(...Object.values(recovery));
      const until = ended + seconds * 1_000;
      const share = (await completions(this.pool, began, until)).length / (((until - began) / 1_000) * load.rate);
      await load.stop();
      const { most } = await expectIntact(this, load);
      print(
        `${what}: recovered in ${tenths(seconds)} s (ready ${tenths(recovery.ready)}, rate ${tenths(recovery.rate)}, ` +
          `jobs under way ${tenths(recovery.underWay)}); fault lasted ${tenths((ended - began) / 1_000)} s, rate meanwhile ` +
          `${Math.round(share * 100)} % of ${load.rate}/s; ${load.accepted.length} jobs accepted and done once, ${load.failed.length} refused, at most ${most} at one time`,
      );
      expect(seconds).toBeLessThanOrEqual(options.within ?? RECOVERY_SECONDS);
      return { recovery, seconds, sent: load.sent, began, ended, rate: load.rate, share };
    } finally {
      await load.stop();
    }
  }

  /**
   * SIGTERM, or the signal given, and the orderly end of one process, which then stays down until `bringUp`.
   * Tells how it ended and after how many milliseconds.
   */
  async takeDown(member: AppProcess, signal: NodeJS.Signals = 'SIGTERM') {
    // the supervisor has no use for the code and keeps its child to itself
    const { child } = member as unknown as { child: ChildProcess };
    const asked = Date.now();
    const [[code, by]] = await Promise.all([
      once(child, 'exit') as Promise<[number | null, string | null]>,
      this.engine.local.takeDown(member.app, member.replica, signal),
    ]);
    return { code, signal: by, milliseconds: Date.now() - asked };
  }

  async bringUp({ app, replica }: AppProcess): Promise<void> {
    await this.engine.local.bringUp(app, replica);
  }

  /** Waits until the load is being completed as fast as it comes; a machine that cannot keep up gets less to do. */
  private async steady(load: Load): Promise<void> {
    let began = Date.now();
    await eventually(
      async () => {
        const now = Date.now();
        if (now - began > STEADY_WITHIN && load.rate > 1) {
          load.rate /= 2;
          began = now;
        }
        return rateBack(await completions(this.pool, began, now), began, now, load.rate) !== undefined;
      },
      { timeout: 8 * STEADY_WITHIN, interval: 200 },
    );
  }

  private async recovered(load: Load, ended: number): Promise<Required<Recovery>> {
    const found: Recovery = {};
    const since = (moment: number | undefined) => moment && (moment - ended) / 1_000;
    return eventually(
      async () => {
        if (found.ready === undefined && (await this.allReady())) found.ready = since(Date.now());
        const now = Date.now();
        found.rate ??= since(rateBack(await completions(this.pool, ended, now), ended, now, load.rate));
        found.underWay ??= since(await nextSteps(this.pool, ended));
        const { ready, rate, underWay } = found;
        if (ready === undefined || rate === undefined || underWay === undefined)
          throw new Error(`not recovered: ${JSON.stringify(found)}`);
        return { ready, rate, underWay };
      },
      { timeout: 90_000, interval: 100 },
    );
  }

  private async allReady(): Promise<boolean> {
    const wanted = this.engine.local.members.filter(({ isWanted }) => isWanted);
    const answers = await Promise.all(wanted.map(({ spec }) => spec.isReady().catch(() => false)));
    return answers.every(Boolean);
  }
}

/** One line for whoever watches the tests. */
export function print(line: string): void {
  process.stdout.write(`  fault: ${line}\n`);
}

/** Holds a fault for some seconds: the length of the fault itself, not a wait for something. */
export const lasting = (seconds: number): Promise<void> => delay(seconds * 1_000);

const tenths = (value: number) => (Math.round(value * 10) / 10).toFixed(1);

function writeWorkflows(folder: string, workflows?: Record<string, string>): Record<string, string> {
  if (!workflows) return {};
  mkdirSync(join(folder, 'common'), { recursive: true });
  for (const [name, text] of Object.entries(workflows))
    writeFileSync(join(folder, 'common', `${name}.yaml`), `workflow: ${name}\n${text}`);
  return { WORKFLOWS_DIR: folder };
}
