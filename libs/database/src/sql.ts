import type { QueryRunner } from 'typeorm';

/**
 * One statement at a time, rows only. TypeORM answers an UPDATE with `[rows, count]` and a SELECT with rows;
 * the structured result gives every statement the same shape.
 */
export interface Sql {
  query<Row>(text: string, parameters?: unknown[]): Promise<Row[]>;
}

export function sqlOf(runner: QueryRunner): Sql {
  return {
    async query<Row>(text: string, parameters?: unknown[]) {
      const result = await runner.query(text, parameters, true);
      return (result.records ?? []) as Row[];
    },
  };
}
