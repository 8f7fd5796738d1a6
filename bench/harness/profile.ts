import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

/** Milliseconds between two looks at what the connections are doing. */
const LOOK_EVERY_MS = 20;

const STATEMENTS = `SELECT calls, plans, round(total_plan_time::numeric, 1) AS planning, round(total_exec_time::numeric, 1) AS ms, round(mean_exec_time::numeric, 3) AS each, rows, wal_bytes AS wal,
    regexp_replace(query, '\\s+', ' ', 'g') AS query
  FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND query NOT LIKE '%pg_stat_%'
  ORDER BY total_exec_time + total_plan_time DESC LIMIT 40`;

const WAITS = `SELECT coalesce(application_name, '') AS app, coalesce(wait_event_type || ' ' || wait_event, 'running') AS event
  FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`;

/** Where PostgreSQL spends the time of a window: its statements, and what its busy connections wait for. Needs pg_stat_statements. */
export class StatementProfile {
  private readonly events = new Map<string, number>();
  private looks = 0;
  private looking = true;
  private loop: Promise<void> = Promise.resolve();

  private constructor(
    private readonly client: Client,
    private readonly file: string,
  ) {}

  /** @param name of the file to write, without its ending */
  static async begin(databaseUrl: string, folder: string, name: string): Promise<StatementProfile> {
    mkdirSync(folder, { recursive: true });
    const client = new Client({ connectionString: databaseUrl, application_name: 'bench profile' });
    await client.connect();
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    await client.query('SELECT pg_stat_statements_reset()');
    const profile = new StatementProfile(client, join(folder, `${name}.txt`));
    profile.loop = profile.look();
    return profile;
  }

  async end(): Promise<void> {
    this.looking = false;
    await this.loop;
    const { rows } = await this.client.query<Record<string, string | number>>(STATEMENTS);
    await this.client.end();
    const head = '   calls   plans    plan ms         ms    ms each       rows        WAL  statement';
    const lines = rows.map(({ calls, plans, planning, ms, each, rows: count, wal, query }) => {
      const cells = [
        String(calls).padStart(8),
        String(plans).padStart(7),
        String(planning).padStart(10),
        String(ms).padStart(10),
        String(each).padStart(10),
      ];
      return `${[...cells, String(count).padStart(10), String(wal).padStart(10)].join(' ')}  ${query}`;
    });
    const waits = [...this.events]
      .toSorted(([, a], [, b]) => b - a)
      .map(([event, count]) => `${(count / this.looks).toFixed(2).padStart(8)}  ${event}`);
    const parts = [head, ...lines, '', `connections that are busy on average, of ${this.looks} looks:`, ...waits, ''];
    writeFileSync(this.file, parts.join('\n'));
  }

  private async look(): Promise<void> {
    while (this.looking) {
      const { rows } = await this.client.query<{ app: string; event: string }>(WAITS);
      this.looks += 1;
      for (const { app, event } of rows) {
        const key = `${app}: ${event}`;
        this.events.set(key, (this.events.get(key) ?? 0) + 1);
      }
      await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
    }
  }
}
