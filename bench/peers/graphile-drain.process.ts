import { makeWorkerUtils, run } from 'graphile-worker';
import { Pool } from 'pg';
import { serve } from '../harness/child';
import type { DrainResult } from './bull-drain.process';

export interface GraphileDrainRequest {
  databaseUrl: string;
  /** Undefined: the library's own, which is 1. */
  concurrency?: number;
  jobs: number;
  /** Tells the jobs of a warm-up from the measured ones. */
  task: string;
}

/** graphile-worker in a process of its own, with a task that does nothing. */
const procedures = {
  /** Adds the jobs with one statement; answers their ids. */
  async fill({ databaseUrl, jobs, task }: Omit<GraphileDrainRequest, 'concurrency'>): Promise<string[]> {
    const utils = await makeWorkerUtils({ connectionString: databaseUrl });
    await utils.migrate();
    await utils.release();
    const pool = new Pool({ connectionString: databaseUrl, max: 1 });
    try {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT id FROM graphile_worker.add_jobs(ARRAY(
           SELECT json_populate_record(NULL::graphile_worker.job_spec,
                    json_build_object('identifier', $1::text, 'payload', json_build_object('job', n)))
           FROM generate_series(1, $2::int) AS n))`,
        [task, jobs],
      );
      return rows.map(({ id }) => id);
    } finally {
      await pool.end();
    }
  },

  /** Runs what waits, from the start of the runner until the last job is out of the table (which is how a job is completed there). */
  async drain({ databaseUrl, concurrency, jobs, task }: GraphileDrainRequest): Promise<DrainResult> {
    const ran: string[] = [];
    let completed = 0;
    const began = performance.now();
    const runner = await run({
      connectionString: databaseUrl,
      ...(concurrency === undefined ? {} : { concurrency }),
      noHandleSignals: true,
      taskList: {
        [task]: async (_payload, { job }) => {
          ran.push(String(job.id));
        },
      },
    });
    const ended = await new Promise<number>((done, refuse) => {
      runner.events.on('job:complete', ({ error }) => {
        if (error) refuse(new Error(`a job failed: ${String(error)}`));
        else if (++completed === jobs) done(performance.now());
      });
    });
    await runner.stop();
    return { seconds: (ended - began) / 1000, ran };
  },
};

export type GraphileDrain = typeof procedures;

serve(procedures);
