import type { DataSource, QueryRunner } from 'typeorm';
import { createStores, type Stores } from './stores/stores';
import { sqlOf } from './sql';

/** Deadlock and serialisation failure: the whole transaction may be tried again. */
const RETRYABLE = new Set(['40P01', '40001']);
const TRIES = 5;

/** The only door to PostgreSQL for the engine: stores for single statements, or stores that share one transaction. */
export class Database {
  /** Each call is a statement of its own on a pooled connection. */
  readonly stores: Stores;

  constructor(readonly dataSource: DataSource) {
    this.stores = createStores({
      query: (text, parameters) => this.withRunner((r) => sqlOf(r).query(text, parameters)),
    });
  }

  /**
   * Runs `work` in one READ COMMITTED transaction and answers after COMMIT. A deadlock runs it again (5 tries), so `work` must
   * have no effect but through its stores.
   */
  async transaction<Result>(work: (stores: Stores) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.withRunner((runner) => this.once(runner, work));
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (attempt >= TRIES || !code || !RETRYABLE.has(code)) throw error;
      }
    }
  }

  private async once<Result>(runner: QueryRunner, work: (stores: Stores) => Promise<Result>): Promise<Result> {
    await runner.startTransaction();
    try {
      const result = await work(createStores(sqlOf(runner)));
      await runner.commitTransaction();
      return result;
    } catch (error) {
      // A lost connection has rolled back already; its own error must not hide the first one.
      await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    }
  }

  private async withRunner<Result>(work: (runner: QueryRunner) => Promise<Result>): Promise<Result> {
    const runner = this.dataSource.createQueryRunner();
    try {
      return await work(runner);
    } finally {
      await runner.release();
    }
  }
}
