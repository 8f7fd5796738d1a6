import { createDataSource } from './data-source';

/** Serialises migrations of processes that start together. */
const MIGRATION_LOCK = 7_301_001;

/** Brings the database at `url` to the newest schema. Safe to call from several processes at once. */
export async function migrate(url: string): Promise<void> {
  const dataSource = createDataSource({
    url,
    poolSize: 2,
    applicationName: 'task-engine migrate',
  });
  await dataSource.initialize();
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await dataSource.runMigrations();
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  } finally {
    await runner.release();
    await dataSource.destroy();
  }
}
