import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver';
import { createStores, type Stores } from './stores/stores';
import { type Sql, sqlOf } from './sql';

/** Deadlock and serialisation failure: the whole transaction may be tried again. */
const RETRYABLE = new Set(['40P01', '40001']);
const TRIES = 5;
/** Milliseconds before a further try, at most and times the tries so far: begun at once, it may take the row that those it met were waiting for. */
const PAUSE_MS = 20;
/** What statements are answered that come after one that failed. */
const ABORTED = '25P02';

/**
 * Ends a transaction together with its last statements, which the caller has made already and not waited for: COMMIT goes out behind
 * them, and all are answered in one round trip. One that fails undoes all. Nothing may follow. @returns what the statements answer
 */
export type Commit = <Result>(last: Promise<Result>) => Promise<Result>;

/** For those who work inside a transaction that goes on. */
export const later: Commit = (last) => last;

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
   * Runs `work` in one READ COMMITTED transaction and answers after COMMIT. A deadlock runs it again (5 tries, random pauses), so `work` must
   * have no effect but through its stores. Connections are pipelined: statements made one after the other without waiting run in that
   * order and share a round trip, so `work` waits (with Promise.all) where it needs an answer. `commit` may end it.
   */
  async transaction<Result>(work: (stores: Stores, commit: Commit) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(work);
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (attempt >= TRIES || !code || !RETRYABLE.has(code)) throw error;
        await setTimeout(Math.random() * PAUSE_MS * attempt);
      }
    }
  }

  private get pool(): Pool {
    return (this.dataSource.driver as PostgresDriver).master as Pool;
  }

  private async once<Result>(work: (stores: Stores, commit: Commit) => Promise<Result>): Promise<Result> {
    const client: PoolClient = await this.pool.connect();
    let broken: Error | undefined;
    // Between two statements nobody else would hear that the connection is gone, and Node ends a process for an error unheard.
    const lost = (error: Error) => (broken = error);
    client.on('error', lost);
    const statements = new Statements(client);
    try {
      statements.gather();
      const begun = client.query('BEGIN');
      const [result] = await Promise.all([work(createStores(statements), statements.commit), begun]);
      await statements.end();
      return result;
    } catch (error) {
      statements.close();
      // A lost connection has rolled back already; its own error must not hide the first one.
      await client.query('ROLLBACK').catch(lost);
      throw statements.causeOf(error);
    } finally {
      client.off('error', lost);
      client.release(broken);
    }
  }
}

/** What pg's types leave out. */
interface Internals {
  connection: { stream: Writable };
}

/** The statements of one transaction. Closed, so that none that comes late runs on a connection that is somebody else's by then. */
class Statements implements Sql {
  private readonly sql: Sql;
  private ending: Promise<void> | undefined;
  private closed = false;
  private gathering = false;
  private failure: Error | undefined;

  constructor(private readonly client: PoolClient) {
    this.sql = sqlOf(client);
  }

  query<Row>(text: string, parameters?: unknown[]): Promise<Row[]> {
    return this.run(() => this.sql.query(text, parameters));
  }

  prepared<Row>(text: string, parameters?: unknown[]): Promise<Row[]> {
    return this.run(() => this.sql.prepared(text, parameters));
  }

  readonly commit: Commit = async (last) => (await Promise.all([last, this.end()]))[0];

  /** Lets what is asked until the end of this turn leave in one packet: a system call each, here and there, costs more than a statement. */
  gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    const { stream } = (this.client as unknown as Internals).connection;
    stream.cork();
    process.nextTick(() => {
      this.gathering = false;
      stream.uncork();
    });
  }

  /** COMMIT, unless it is on its way. @throws what a statement failed with whose error was not heard before: all is undone then */
  end(): Promise<void> {
    this.close();
    return (this.ending ??= this.commitOrFail());
  }

  close(): void {
    this.closed = true;
  }

  /** Those of a packet that stand behind the one that failed may be heard before it. */
  causeOf(error: unknown): unknown {
    return (error as { code?: string }).code === ABORTED ? (this.failure ?? error) : error;
  }

  private async run<Row>(statement: () => Promise<Row[]>): Promise<Row[]> {
    if (this.closed) throw new Error('the transaction is over');
    this.gather();
    try {
      return await statement();
    } catch (error) {
      this.failure ??= error as Error;
      throw error;
    }
  }

  private async commitOrFail(): Promise<void> {
    this.gather();
    const { command } = await this.client.query('COMMIT');
    if (command === 'COMMIT') return;
    // Both answers may have come in one packet: let the statement's be heard.
    await new Promise(setImmediate);
    throw this.failure ?? new Error('the transaction was rolled back');
  }
}
