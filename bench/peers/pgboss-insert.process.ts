import PgBoss from 'pg-boss';
import { serve } from '../harness/child';

export interface BulkRequest {
  batches: number;
  /** Jobs in one call. */
  size: number;
}

const QUEUE = 'bench';
let boss: PgBoss | undefined;

/** pg-boss in a process of its own, without its maintenance: only `insert` is measured. */
const procedures = {
  async start({ databaseUrl }: { databaseUrl: string }): Promise<void> {
    boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false });
    await boss.start();
    await boss.createQueue(QUEUE);
  },

  /** One call after the other. @returns seconds */
  async insert({ batches, size }: BulkRequest): Promise<number> {
    const began = performance.now();
    for (let batch = 0; batch < batches; batch++) {
      await boss!.insert(Array.from({ length: size }, (_, n) => ({ name: QUEUE, data: { batch, n } })));
    }
    return (performance.now() - began) / 1000;
  },
};

export type PgBossInsert = typeof procedures;

serve(procedures);
