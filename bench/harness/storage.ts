import type { Redis } from 'ioredis';
import type { Client } from 'pg';

/** Sizes at one moment. */
export interface Stored {
  /** Bytes of each table with its indexes, by `schema.table`. */
  tables: Record<string, number>;
  /** Bytes that Redis has given out, without scripts and the buffers of connections and file, which come and go. */
  redis: number;
}

export interface StoredPerJob {
  /** Bytes of all tables together. */
  database: number;
  redis: number;
  /** Bytes of each table that grew. */
  tables: Record<string, number>;
}

export async function readStored(database: Client, redis: Redis): Promise<Stored> {
  const { rows } = await database.query<{ name: string; bytes: string }>(
    `SELECT n.nspname || '.' || c.relname AS name, pg_total_relation_size(c.oid) AS bytes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const memory = await redis.info('memory');
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
  return {
    tables: Object.fromEntries(rows.map(({ name, bytes }) => [name, Number(bytes)])),
    redis: read('used_memory') - read('mem_clients_normal') - read('mem_aof_buffer') - read('used_memory_scripts_eval'),
  };
}

/** Growth between two moments by job, in whole bytes. */
export function perJob(before: Stored, after: Stored, jobs: number): StoredPerJob {
  const tables = Object.entries(after.tables)
    .map(([name, bytes]) => [name, Math.round((bytes - (before.tables[name] ?? 0)) / jobs)] as const)
    .filter(([, bytes]) => bytes > 0);
  return {
    database: tables.reduce((sum, [, bytes]) => sum + bytes, 0),
    redis: Math.round((after.redis - before.redis) / jobs),
    tables: Object.fromEntries(tables),
  };
}
