import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { eventually } from '../scripts/local/eventually';
import { CallbackBacklog, messagesFor } from './callbacks-backlog';
import type { EndpointsProcess } from './callbacks-endpoints.process';
import type { FloorProcess } from './callbacks-floor.process';
import { BenchEngine } from './engine/bench-engine';
import { checkExact } from './engine/exact-delivery';
import type { Figures, Benchmark, Measurement, Scale, Side } from './harness/benchmark';
import type { Child } from './harness/child';
import type { Turn } from './harness/turn';

const ENDPOINTS = 10;
/** Requests to one origin at one time: the dispatcher's own limit (PER_ORIGIN), so the floor's too. */
const PER_ORIGIN = 8;
/** Number of the endpoint that hangs. */
const HANGING = 3;
/** The window opens this long before all are due: its checkpoint comes first. */
const WINDOW_BEFORE_MS = 2_000;
const TIMEOUT_MS = 120_000;
const SECRET = `whsec_${randomBytes(24).toString('base64')}`;

/** P6: how fast waiting callbacks go out, and what one endpoint that hangs costs the others. */
export function callbacks(scale: Scale): Benchmark {
  const count = scale.of(5_000, 500);
  const warmUp = scale.of(1_000, 100);

  const ours = (name: string, setup: string, hanging?: number): Side => ({
    name,
    setup,
    async run(turn) {
      const { endpoints, urls } = await listen(turn);
      const backlog = await openBacklog(turn);
      await send(turn, endpoints, backlog, urls, warmUp);
      turn.note(`writing ${count} deliveries`);
      return send(turn, endpoints, backlog, urls, count, hanging);
    },
  });

  const floor: Side = {
    name: 'signed POST loop',
    setup: `a process that signs and POSTs the same bodies with undici, ${PER_ORIGIN} requests at one time to each endpoint; no rows, no retries`,
    async run(turn) {
      const { endpoints, urls } = await listen(turn);
      const peer = turn.spawn<FloorProcess>('post loop', 'callbacks-floor.process');
      await peer.call('start', { secret: SECRET, perOrigin: PER_ORIGIN });
      await endpoints.call('begin', undefined);
      await peer.call('send', messagesFor(urls, warmUp));
      await endpoints.call('begin', undefined);
      const messages = messagesFor(urls, count);
      const milliseconds = await turn.window(() => peer.call('send', messages));
      const { checked } = await checkReceived(
        endpoints,
        messages.map(({ id }) => id),
      );
      return { figures: { 'deliveries/s': (count * 1_000) / milliseconds }, checked };
    },
  };

  return {
    id: 'P6',
    title: `${count} signed callbacks to ${ENDPOINTS} endpoints, with delivery rows; then one endpoint hangs`,
    sides: [
      ours(
        'task engine',
        'the five apps, one process each, default settings; callbacks of finished jobs, one a job, written beforehand and all due at one moment. ' +
          'Clock: from that moment until the last row is `delivered`',
      ),
      floor,
      ours('one hangs', 'the same, and one endpoint takes every request and never answers', HANGING),
    ],
    bars: [
      {
        name: 'rate against the loop',
        figure: 'deliveries/s',
        of: 'task engine',
        against: 'signed POST loop',
        better: 'higher',
        must: 0.25,
        aim: 0.5,
      },
      {
        name: 'healthy endpoints beside one that hangs',
        figure: 'healthy/s',
        of: 'one hangs',
        against: 'task engine',
        better: 'higher',
        must: 0.8,
        aim: 0.95,
      },
    ],
    notes: [
      `\`healthy/s\`: callbacks that came to the endpoints that do not hang, by the time until the last of them came; without a hang of the same ${ENDPOINTS - 1}.`,
      'Each endpoint is a port, so an origin, of its own; all are served by one process, which checks every signature and is part of what the machine does on both sides.',
    ],
  };
}

async function listen(turn: Turn): Promise<{ endpoints: Child<EndpointsProcess>; urls: string[] }> {
  const endpoints = turn.spawn<EndpointsProcess>('endpoints', 'callbacks-endpoints.process');
  return { endpoints, urls: await endpoints.call('listen', { count: ENDPOINTS, secret: SECRET }) };
}

/** Starts the apps and has them finish one job, of which the others are copies. */
async function openBacklog(turn: Turn): Promise<CallbackBacklog> {
  const engine = await BenchEngine.start(turn);
  await engine.submit(1, { connections: 1, parameters: { content_id: 'asset-1' } });
  await engine.drained(TIMEOUT_MS / 1_000);
  const backlog = await CallbackBacklog.open(turn.database, turn.databaseUrl, SECRET);
  turn.onEnd(() => backlog.close());
  return backlog;
}

/** Writes a backlog, waits until all of it is delivered, and checks it. */
async function send(
  turn: Turn,
  endpoints: Child<EndpointsProcess>,
  backlog: CallbackBacklog,
  urls: readonly string[],
  count: number,
  hanging?: number,
): Promise<Measurement> {
  await endpoints.call('begin', hanging);
  const { ids, due } = await backlog.write(urls, count);
  await delay(due.getTime() - WINDOW_BEFORE_MS - Date.now());
  const { healthyAt, lastAt } = await turn.window(async () => {
    const healthyAt = await healthyDone(endpoints, count - (hanging === undefined ? 0 : count / ENDPOINTS), hanging);
    if (hanging !== undefined) await endpoints.call('release');
    return { healthyAt, lastAt: await allDelivered(turn.database) };
  });
  const { checked, repeated } = await checkReceived(endpoints, ids);
  if (hanging === undefined && repeated > 0)
    throw new Error(`${repeated} callbacks came twice, and nothing had failed`);
  await checkRows(turn.database, ids);
  const healthy = (count * (ENDPOINTS - 1)) / ENDPOINTS;
  const figures = { 'healthy/s': (healthy * 1_000) / (healthyAt - due.getTime()) };
  // with a hang the last ones wait for it: no rate of the dispatcher
  const rate: Figures = hanging === undefined ? { 'deliveries/s': (count * 1_000) / (lastAt - due.getTime()) } : {};
  return { figures: { ...rate, ...figures }, checked: `${checked}; ${repeated} came again` };
}

/** Waits until the endpoints that do not hang have `count` ids; answers when the last of the healthy nine came. */
async function healthyDone(endpoints: Child<EndpointsProcess>, count: number, hanging?: number): Promise<number> {
  const healthy = (_: unknown, index: number) => index !== hanging;
  await eventually(
    async () => {
      const counts = (await endpoints.call('counts')).filter(healthy);
      return counts.reduce((sum, { ids }) => sum + ids, 0) >= count;
    },
    { timeout: TIMEOUT_MS },
  );
  // the same nine in both cases
  const nine = (await endpoints.call('counts')).filter((_, index) => index !== HANGING);
  return Math.max(...nine.map(({ lastAt }) => lastAt));
}

/** Waits until no delivery is open; answers when the last was finished, in ms since the epoch. */
async function allDelivered(database: Client): Promise<number> {
  await eventually(
    async () => {
      const { rows } = await database.query<{ open: boolean }>(
        `SELECT EXISTS (SELECT FROM delivery WHERE state IN ('pending', 'sending')) AS open`,
      );
      return !rows[0]!.open;
    },
    { timeout: TIMEOUT_MS },
  );
  const { rows } = await database.query<{ at: Date }>('SELECT max(finished_at) AS at FROM delivery');
  return rows[0]!.at.getTime();
}

/** @throws Error when an id did not come, an unknown one came, or a signature was wrong */
async function checkReceived(
  endpoints: Child<EndpointsProcess>,
  ids: readonly string[],
): Promise<{ checked: string; repeated: number }> {
  checkExact(ids, (await endpoints.call('received')).flat());
  const counts = await endpoints.call('counts');
  const sum = (of: 'requests' | 'ids' | 'unsigned') => counts.reduce((total, count) => total + count[of], 0);
  if (sum('unsigned') > 0) throw new Error(`${sum('unsigned')} requests had no good signature`);
  return { checked: `checked: ${ids.length} ids received, all signed`, repeated: sum('requests') - sum('ids') };
}

/** @throws Error unless each row is delivered and has its attempts written down */
async function checkRows(database: Client, ids: readonly string[]): Promise<void> {
  const { rows } = await database.query<{ odd: number }>(
    `SELECT count(*)::int AS odd FROM unnest($1::text[]) AS given (id) LEFT JOIN delivery d ON d.message_id = given.id
     WHERE d.state IS DISTINCT FROM 'delivered'
       OR (SELECT count(*) FROM delivery_attempt a WHERE a.delivery_id = d.id) <> d.attempts`,
    [ids],
  );
  if (rows[0]!.odd > 0) throw new Error(`${rows[0]!.odd} rows are not delivered, or lack an attempt`);
}
