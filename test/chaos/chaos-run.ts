import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FINAL_JOB_STATES } from '@task-engine/domain';
import { temporaryFolder } from '../support/test-servers';
import { EngineSuite } from '../e2e/engine/engine-suite';
import { checkHistory } from './check/check-history';
import { type Account, ApiClient, graphRequestOf, requestOf } from './drive/api-client';
import { Driver } from './drive/driver';
import { Endpoints } from './drive/endpoints';
import { FaultInjector } from './drive/fault-injector';
import { faultPlan } from './drive/fault-plan';
import { GraphDriver } from './drive/graph-driver';
import type { History, RequestRecord, Violation } from './history';
import { Random } from './random';
import { Recorder } from './recorder';
import { describeViolations } from './report';

export interface ChaosOptions {
  /** How long operations and faults go on; draining comes on top. */
  seconds: number;
  seed: number;
  /** Callers of the API at one time [6], one of three of them of the client with a cap. */
  clients?: number;
  /** Mean milliseconds between two requests of one caller [180]. */
  meanWaitMs?: number;
  /** Mean milliseconds between two faults [1400]. */
  faultEveryMs?: number;
}

export interface ChaosResult {
  history: History;
  violations: Violation[];
  /** For a person: what was done, and what was found. */
  summary: string;
  report: string;
}

const ACCOUNTS: Account[] = [
  { name: 'demo-client', key: 'demo-key' },
  { name: 'capped-client', key: 'capped-key' },
];

/** Shorter than in production: a fault has to outlast a lease now and then, and what was lost has to come back within the run. */
const LEASE_SECONDS = 4;

const ENVIRONMENT = {
  BOOTSTRAP_CLIENTS: ACCOUNTS.map(({ name, key }) => `${name}:${key}`).join(','),
  LEASE_SECONDS: String(LEASE_SECONDS),
  HEARTBEAT_SECONDS: '1',
  CALLBACK_TIMEOUT_SECONDS: '2',
  CALLBACK_ATTEMPTS: '8',
  CALLBACK_FIRST_RETRY_SECONDS: '1',
  CALLBACK_MAX_RETRY_SECONDS: '2',
  SEMAPHORE_TIMEOUT_SECONDS: '2',
  DTS_RATE_LIMIT: '100000',
};

/** Milliseconds until all must be done once the faults are over. */
const DRAIN = 90_000;

/** Two replicas of every app under random operations and faults; then everything is drained and the history is checked. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seconds, seed, clients = 6, meanWaitMs = 180, faultEveryMs = 1_400 } = options;
  const random = new Random(seed);
  const endpoints = await Endpoints.start(random.branch('endpoints'));
  const suite = await EngineSuite.start({ own: { postgres: true, redis: true }, env: ENVIRONMENT });
  const folder = temporaryFolder('graph');
  let recorder: Recorder | undefined;
  try {
    recorder = await Recorder.start(suite.local.databaseUrl);
    const secrets = await signAll(recorder);
    const requests: RequestRecord[] = [];
    const gateways = () => suite.members('api-gateway').map(({ url }) => url);
    const api = new ApiClient(gateways, requests);
    const injector = new FaultInjector(suite.local, recorder);

    const over = AbortSignal.timeout(seconds * 1_000);
    const rest = [api, endpoints, recorder] as [ApiClient, Endpoints, Recorder];
    const drivers = Array.from({ length: clients }, (_, n) =>
      Driver.client(`client${n}`, ACCOUNTS[n % 3 === 2 ? 1 : 0]!, random, meanWaitMs, rest),
    );
    drivers.push(Driver.operator(ACCOUNTS[0]!, random, meanWaitMs * 3, rest));
    const ofGraphs = ACCOUNTS.map(
      (account, n) => new GraphDriver(`graph${n}`, account, random, meanWaitMs, api, folder),
    );
    await Promise.all([
      ...[...drivers, ...ofGraphs].map((driver) => driver.run(over)),
      injector.run(faultPlan(random.branch('faults'), seconds, faultEveryMs, LEASE_SECONDS), over),
    ]);
    await injector.end();
    const faultsEnded = Date.now();
    endpoints.healthy = true;
    await drain({ suite, recorder, api, random: random.branch('drain') });
    const drainedAfter = Date.now() - faultsEnded;

    const history: History = {
      seed,
      requests,
      ...(await recorder.read()),
      commands: await readCommands(folder),
      arrivals: endpoints.arrivals,
      semaphores: endpoints.semaphores,
      secrets,
      faults: injector.done,
    };
    const violations = checkHistory(history);
    return {
      history,
      violations,
      summary: summarise(history, drainedAfter),
      report: describeViolations(history, violations),
    };
  } finally {
    await recorder?.stop();
    await suite.stop();
    await endpoints.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Both clients sign their callbacks. */
async function signAll(recorder: Recorder): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  for (const { name } of ACCOUNTS) {
    secrets[name] = `whsec_${randomBytes(32).toString('base64')}`;
    await recorder.query('UPDATE client SET signing_secret = $2 WHERE name = $1', [name, secrets[name]]);
  }
  return secrets;
}

interface Draining {
  suite: EngineSuite;
  recorder: Recorder;
  api: ApiClient;
  random: Random;
}

/**
 * Lets everything come to its end: all apps up, room for all, paused jobs resumed or broken, until no job is open and no callback waits.
 * What does not end within the time stays as it is: the check will say so.
 */
async function drain({ suite, recorder, api, random }: Draining): Promise<void> {
  const deadline = Date.now() + DRAIN;
  await Promise.all(suite.local.members.filter(({ isWanted }) => !isWanted).map((member) => member.start()));
  await suite.recovered(60_000);
  await recorder.query(`UPDATE client SET max_running = NULL WHERE max_running IS NOT NULL`);
  await recorder.query(`UPDATE lane SET paused = false WHERE paused`);
  for (const [name, value] of [
    ['priority_slots', 0],
    ['max_jobs', 40],
    ['retry_limit', 2],
  ] as const) {
    const operation = { kind: 'setting', name, value } as const;
    await api.send(ACCOUNTS[0]!, operation, requestOf(operation));
  }
  let quiet = 0;
  // twice in a row: a request that nobody answered may have been under way still
  while (quiet < 2 && Date.now() < deadline) {
    quiet = (await isQuiet(recorder)) ? quiet + 1 : 0;
    const paused = await recorder.query<{ id: string; client: string }>(
      `SELECT j.id, c.name AS client FROM job j JOIN client c ON c.id = j.client_id WHERE j.state = 'paused' ORDER BY j.id`,
    );
    for (const { id, client } of paused) {
      const operation = { kind: random.chance(0.7) ? 'resume' : 'break', jobId: id } as const;
      const account = ACCOUNTS.find(({ name }) => name === client)!;
      await api.send(account, operation, requestOf(operation));
    }
    // of what these wait for nothing will ever come
    const blocked = await recorder.query<{ id: string; client: string }>(
      `SELECT DISTINCT j.id, c.name AS client FROM graph_edge e JOIN job p ON p.id = e.parent_id JOIN job j ON j.id = e.job_id
         JOIN client c ON c.id = j.client_id WHERE j.state = 'pending' AND p.state IN ('failed', 'broken') ORDER BY j.id`,
    );
    for (const { id, client } of blocked) {
      const operation = { kind: 'cancel', jobId: id } as const;
      await api.send(
        ACCOUNTS.find(({ name }) => name === client)!,
        operation,
        graphRequestOf(operation),
      );
    }
    await delay(500);
  }
}

/** Lines by the name of the file. */
async function readCommands(folder: string): Promise<Record<string, string[]>> {
  const names = await readdir(folder);
  const files = names.map(async (name) => [name, (await readFile(join(folder, name), 'utf8')).split('\n')] as const);
  return Object.fromEntries(await Promise.all(files));
}

async function isQuiet(recorder: Recorder): Promise<boolean> {
  const [open] = await recorder.query<{ n: number }>(
    `SELECT (SELECT count(*) FROM job WHERE state <> ALL($1))::int
          + (SELECT count(*) FROM delivery WHERE state IN ('pending', 'sending'))::int AS n`,
    [FINAL_JOB_STATES],
  );
  return open!.n === 0;
}

function summarise(history: History, drainedAfter: number): string {
  const count = <Item>(items: Item[], nameOf: (item: Item) => string) => {
    const counts = new Map<string, number>();
    for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1);
    return [...counts].map(([name, n]) => `${n} ${name}`).join(', ');
  };
  const starts = history.events.filter(
    (event) => event.table === 'job' && event.after.state === 'started' && event.before?.state !== 'started',
  );
  const lost = history.events.filter((event) => event.table === 'execution' && event.after.state === 'lost');
  return [
    `seed ${history.seed}`,
    `requests: ${count(history.requests, ({ operation }) => operation.kind)}`,
    `answers: ${count(history.requests, ({ status }) => (status === 0 ? 'without an answer' : String(status)))}`,
    `faults: ${count(history.faults, ({ text }) => text.split(' ').slice(0, 2).join(' '))}`,
    `jobs: ${count(history.jobs, ({ state }) => state)}; ${starts.length} starts, ${lost.length} leases lost`,
    `callbacks: ${history.arrivals.length} came in; semaphores were asked ${history.semaphores.length} times`,
    `${history.events.length} changes of rows, ${history.watermarks.length} snapshots; drained ${drainedAfter} ms after the last fault`,
  ].join('\n  ');
}
