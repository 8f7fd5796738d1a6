import { DynamicModule, Injectable, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { createDataSourceOptions, type ConnectionOptions } from './data-source';
import { Database } from './database';

/** PostgreSQL answers. */
@Injectable()
export class DatabaseReadiness {
  readonly name = 'postgres';

  constructor(private readonly dataSource: DataSource) {}

  async check(): Promise<void> {
    await this.dataSource.query('SELECT 1');
  }
}

/** The schema is the one this code was written for. Checked until it holds once: migrations do not go away while we run. */
@Injectable()
export class MigrationsReadiness {
  readonly name = 'migrations';
  private done = false;

  constructor(private readonly dataSource: DataSource) {}

  async check(): Promise<void> {
    if (this.done) return;
    if (await this.dataSource.showMigrations()) throw new Error('migrations are pending: run `npm run cli -- migrate`');
    this.done = true;
  }
}

/**
 * Longer than any statement of the engine, and short enough that connections which died without a word are replaced within the 12 s in
 * which lost work must run again.
 */
const STATEMENT_SECONDS = 8;

@Module({})
export class DatabaseModule {
  /** One pool for the app. Start-up waits for PostgreSQL (about a minute), so apps may start before it. */
  static forRoot(options: ConnectionOptions): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRoot({
          ...createDataSourceOptions({ statementSeconds: STATEMENT_SECONDS, ...options }),
          retryAttempts: 30,
          retryDelay: 2_000,
        }),
      ],
      providers: [
        {
          provide: Database,
          inject: [DataSource],
          useFactory: (dataSource: DataSource) => new Database(dataSource),
        },
        DatabaseReadiness,
        MigrationsReadiness,
      ],
      exports: [Database, DatabaseReadiness, MigrationsReadiness],
    };
  }
}
