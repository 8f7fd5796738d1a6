import type { Pool, PoolClient } from 'pg';

/** One statement at a time, rows only. */
export interface Sql {
  query<Row>(text: string, parameters?: unknown[]): Promise<Row[]>;
  /**
   * The same, planned once for each connection: for statements of the hot path, whose planning costs more than a small batch of their work.
   * Not for those whose best plan depends on their parameters, nor for texts that are put together anew each time.
   */
  prepared<Row>(text: string, parameters?: unknown[]): Promise<Row[]>;
}

/** Names of prepared statements by text: one each for the whole process. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = `s${names.size + 1}`;
    names.set(text, name);
  }
  return name;
}

export function sqlOf(connection: Pool | PoolClient): Sql {
  return {
    async query<Row>(text: string, parameters?: unknown[]) {
      return (await connection.query(text, parameters)).rows as Row[];
    },
    async prepared<Row>(text: string, parameters?: unknown[]) {
      return (await connection.query({ name: nameOf(text), text, values: parameters })).rows as Row[];
    },
  };
}

/**
 * A bigint[] parameter. Ids are digits, so that this text is all there is to it; pg itself would escape each as if it could be anything,
 * which of all that a batch costs in this process was the largest part.
 */
export function bigints(ids: (string | number)[]): string {
  return `{${ids.join(',')}}`;
}

/**
 * A parameter of a prepared statement that the planner must not look into: with one id in it, a plan made for just that looks cheaper than
 * the general one, and so it would be planned at each call, for longer than it takes to run.
 */
export function unseen(parameter: string, type: 'bigint[]' | 'int[]' | 'text[]'): string {
  return `(SELECT ${parameter}::${type})::${type}`;
}

/**
 * A guard of rows that are found by their ids. The planner, taught by statistics of a quiet moment that a state has no rows, would read a
 * whole partial index of that state instead of a few rows of the primary key; from a condition in this form it can prove no such index.
 * Columns in it must not be null.
 */
export function unindexed(condition: string): string {
  return `(${condition}) IS NOT FALSE`;
}
