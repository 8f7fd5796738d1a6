import { migrate } from '@task-engine/database';
import { BenchEngine } from './engine/bench-engine';
import type { BulkSubmit } from './engine/bulk-submit.process';
import type { Benchmark, Measurement, Scale, Side } from './harness/benchmark';
import { perJob } from './harness/storage';
import type { Turn } from './harness/turn';
import type { HttpLoad, HttpLoadResult } from './load/http-load.process';
import type { BareServer } from './peers/bare-server.process';
import type { PgBossInsert } from './peers/pgboss-insert.process';

const CONNECTIONS = 20;
/** Connections to PostgreSQL of the process that answers, on both sides: the gateway's default. */
const POOL = 10;
const BULK = 1_000;
const BODY = { job: { workflow: 'noop' }, parameters: { asset: 'intro-4711', seconds: 12.5, tags: ['news', 'short'] } };

/** P1: how fast jobs are accepted. */
export function submit(scale: Scale): Benchmark {
  const requests = scale.of(20_000, 1_000);
  const warmUp = scale.of(5_000, 400);
  const batches = scale.of(20, 3);

  const ours: Side = {
    name: 'task engine',
    setup: `POST /job of the gateway with the four other apps up and the lane paused; ${POOL} connections to PostgreSQL`,
    async run(turn) {
      const engine = await BenchEngine.start(turn, { env: { DATABASE_POOL_SIZE: String(POOL) } });
      await engine.pause();
      await engine.submit(warmUp, { ...BODY, connections: CONNECTIONS });
      const before = await turn.stored();
      const result = await turn.window(() => engine.submit(requests, { ...BODY, connections: CONNECTIONS }));
      const stored = perJob(before, await turn.stored(), requests);
      const checked = await checkRows(turn, 'job', result.ids, warmUp + requests);
      return { figures: figuresOf(result), checked, stored };
    },
  };

  const bare: Side = {
    name: 'bare Nest',
    setup: `Nest on Fastify, the same body validated with class-validator, one INSERT with RETURNING id; ${POOL} connections to PostgreSQL`,
    async run(turn) {
      const server = turn.spawn<BareServer>('bare server', 'peers/bare-server.process');
      const origin = await server.call('listen', { databaseUrl: turn.databaseUrl, connections: POOL });
      const load = turn.spawn<HttpLoad>('load', 'load/http-load.process');
      const post = (count: number) =>
        load.call('post', {
          url: `${origin}/job`,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(BODY),
          connections: CONNECTIONS,
          count,
        });
      await post(warmUp);
      const before = await turn.stored();
      const result = await turn.window(() => post(requests));
      const stored = perJob(before, await turn.stored(), requests);
      const checked = await checkRows(turn, 'bare_job', result.ids, warmUp + requests);
      return { figures: figuresOf(result), checked, stored };
    },
  };

  const bulk: Side = {
    name: 'task engine bulk',
    setup: `the engine's submit verb in a process without HTTP, ${BULK} jobs a batch, one batch after the other`,
    async run(turn) {
      await migrate(turn.databaseUrl);
      const verbs = turn.spawn<BulkSubmit>('bulk submit', 'engine/bulk-submit.process');
      await verbs.call('start', { databaseUrl: turn.databaseUrl, redisUrl: turn.redisUrl, dataDir: turn.at('data') });
      return measureBulk(turn, 'job', batches, (count) => verbs.call('submit', { batches: count, size: BULK }));
    },
  };

  const boss: Side = {
    name: 'pg-boss bulk',
    setup: `pg-boss \`insert\` of ${BULK} jobs, one call after the other`,
    async run(turn) {
      const peer = turn.spawn<PgBossInsert>('pg-boss', 'peers/pgboss-insert.process');
      await peer.call('start', { databaseUrl: turn.databaseUrl });
      return measureBulk(turn, 'pgboss.job', batches, (count) => peer.call('insert', { batches: count, size: BULK }));
    },
  };

  const http = { of: ours.name, against: bare.name };
  return {
    id: 'P1',
    title: `submit ${requests} jobs over ${CONNECTIONS} connections; ${batches} times ${BULK} in bulk`,
    sides: [ours, bare, bulk, boss],
    bars: [
      { name: 'rate', figure: 'jobs/s', ...http, better: 'higher', must: 0.45, aim: 0.7 },
      { name: 'p99', figure: 'p99 ms', ...http, better: 'lower', aim: 2 },
      {
        name: 'bulk rate',
        figure: 'jobs/s',
        of: bulk.name,
        against: boss.name,
        better: 'higher',
        must: 0.25,
        aim: 0.5,
      },
    ],
  };
}

function figuresOf({ perSecond, p50Ms, p99Ms }: HttpLoadResult): Measurement['figures'] {
  return { 'jobs/s': perSecond, 'p50 ms': p50Ms, 'p99 ms': p99Ms };
}

async function measureBulk(
  turn: Turn,
  table: string,
  batches: number,
  insert: (batches: number) => Promise<number>,
): Promise<Measurement> {
  const warmUp = Math.ceil(batches / 5);
  await insert(warmUp);
  const before = await turn.stored();
  const seconds = await turn.window(() => insert(batches));
  const jobs = batches * BULK;
  const stored = perJob(before, await turn.stored(), jobs);
  const { rows } = await turn.database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  const expected = jobs + warmUp * BULK;
  if (rows[0]!.n !== expected) throw new Error(`${expected} jobs were inserted, ${rows[0]!.n} are there`);
  return { figures: { 'jobs/s': jobs / seconds }, checked: `checked: ${expected} rows`, stored };
}

/** Every answered id is a row, and there is no other. */
async function checkRows(turn: Turn, table: string, ids: readonly string[], all: number): Promise<string> {
  const { rows } = await turn.database.query<{ n: number; found: number }>(
    `SELECT count(*)::int AS n, count(*) FILTER (WHERE id = ANY($1::bigint[]))::int AS found FROM ${table}`,
    [ids],
  );
  const { n, found } = rows[0]!;
  if (n !== all || found !== ids.length || new Set(ids).size !== ids.length) {
    throw new Error(`${ids.length} answers, ${found} of them rows; ${all} were sent, ${n} are there`);
  }
  return `checked: ${ids.length} answers, each with an id of its own and a row; no other row`;
}
