import { createDataSource } from '@task-engine/database';
import { createTestDatabase } from '../../support/test-database';

describe('schema', () => {
  it('entities and migrations name the same columns with the same types', async () => {
    const database = await createTestDatabase();
    const dataSource = await createDataSource({ url: database.url }).initialize();
    const rows = await dataSource.query<{ table: string; column: string; type: string; nullable: boolean }[]>(
      `SELECT table_name AS table, column_name AS column, udt_name AS type, is_nullable = 'YES' AS nullable
       FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migrations'`,
    );
    const types: Record<string, string> = { integer: 'int4', smallint: 'int2', bigint: 'int8', boolean: 'bool' };
    const mapped = dataSource.entityMetadatas.flatMap((entity) =>
      entity.columns.map((column) => {
        const type = String(column.type);
        return {
          table: entity.tableName,
          column: column.databaseName,
          type: types[type] ?? type,
          nullable: column.isNullable,
        };
      }),
    );
    const sorted = (columns: typeof mapped) => columns.map((column) => JSON.stringify(column)).sort();
    expect(sorted(mapped)).toEqual(sorted(rows));
    await dataSource.destroy();
    await database.drop();
  });
});
