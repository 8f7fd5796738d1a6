import type { Pool, PoolClient } from 'pg';

/** One statement at a time, rows only. */
export interface Sql {
  query<Row>(text: string, parameters?: unknown[]): Promise<Row[]>;
}

export function sqlOf(connection: Pool | PoolClient): Sql {
  return {
    async query<Row>(text: string, parameters?: unknown[]) {
      return (await connection.query(text, parameters)).rows as Row[];
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
 * A guard of rows that are found by their ids. The planner, taught by statistics of a quiet moment that a state has no rows, would read a
 * whole partial index of that state instead of a few rows of the primary key; from a condition in this form it can prove no such index.
 * Columns in it must not be null.
 */
export function unindexed(condition: string): string {
  return `(${condition}) IS NOT FALSE`;
}
