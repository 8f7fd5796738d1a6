import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createDataSource } from '@task-engine/database';
import type { DataSource } from 'typeorm';
import { describeSchema } from '../../support/describe-schema';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';

const DUMP = resolve(__dirname, '../../../libs/database/schema.txt');

describe('schema', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await createDataSource({ url: database.url }).initialize();
  });
  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it('libs/database/schema.txt is what the migrations make (UPDATE_SCHEMA=1 writes it)', async () => {
    const schema = `-- What the migrations make; written by UPDATE_SCHEMA=1 npx jest test/integration/engine/schema. For reading, not for running.\n\n${await describeSchema(dataSource)}`;
    if (process.env.UPDATE_SCHEMA) writeFileSync(DUMP, schema);
    expect(readFileSync(DUMP, 'utf8')).toBe(schema);
  });

  it('entities and migrations name the same columns with the same types', async () => {
    const rows = await dataSource.query<{ table: string; column: string; type: string; nullable: boolean }[]>(
      `SELECT table_name AS table, column_name AS column, udt_name AS type, is_nullable = 'YES' AS nullable
       FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migrations'`,
    );
    const types: Record<string, string> = {
      integer: 'int4',
      smallint: 'int2',
      bigint: 'int8',
      boolean: 'bool',
      real: 'float4',
      'double precision': 'float8',
    };
    const mapped = dataSource.entityMetadatas.flatMap((entity) =>
      entity.columns.map((column) => {
        const type = String(column.type);
        return {
          table: entity.tableName,
          column: column.databaseName,
          type: `${column.isArray ? '_' : ''}${types[type] ?? type}`,
          nullable: column.isNullable,
        };
      }),
    );
    const sorted = (columns: typeof mapped) => columns.map((column) => JSON.stringify(column)).sort();
    expect(sorted(mapped)).toEqual(sorted(rows));
  });
});
