import type { Pool, PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver';
import { createStores, type Stores } from './stores/stores';
import { sqlOf } from './sql';

/** Deadlock and serialisation failure: the whole transaction may be tried again. */
const RETRYABLE = new Set(['40P01', '40001']);
const TRIES = 5;

/**
 * The only door to PostgreSQL for the engine: stores for single statements, or stores that share one transaction. Both use the data
 * source's pool directly: a query runner of TypeORM costs as much as a small statement.
 */
export class Database {
  /** Each call is a statement of its own on a pooled connection. */
  readonly stores: Stores;

  constructor(readonly dataSource: DataSource) {
    this.stores = createStores({
      query: (text, parameters) => sqlOf(this.pool).query(text, parameters),
      prepared: (text, parameters) => sqlOf(this.pool).prepared(text, parameters),
    });
  }

  /**
   * Runs `work` in one READ COMMITTED transaction and answers after COMMIT. A deadlock runs it again (5 tries), so `work` must
   * have no effect but through its stores.
   */
  async transaction<Result>(work: (stores: Stores) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(work);
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (attempt >= TRIES || !code || !RETRYABLE.has(code)) throw error;
      }
    }
  }

  private get pool(): Pool {
    return (this.dataSource.driver as PostgresDriver).master as Pool;
  }

  private async once<Result>(work: (stores: Stores) => Promise<Result>): Promise<Result> {
    const client: PoolClient = await this.pool.connect();
    let broken: Error | undefined;
    // Between two statements nobody else would hear that the connection is gone, and Node ends a process for an error unheard.
    const lost = (error: Error) => (broken = error);
    client.on('error', lost);
    try {
      await client.query('BEGIN');
      const result = await work(createStores(sqlOf(client)));
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // A lost connection has rolled back already; its own error must not hide the first one.
      await client.query('ROLLBACK').catch(lost);
      throw error;
    } finally {
      client.off('error', lost);
      client.release(broken);
    }
  }
}
