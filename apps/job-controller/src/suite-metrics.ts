import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { JOB_STATES } from '@task-engine/domain';
import { ReadHealth } from '@task-engine/engine';
import { Metrics } from '@task-engine/platform';

/** Gauges about the whole suite, counted in the database when they are scraped. Every controller shows the same numbers. */
@Injectable()
export class SuiteMetrics {
  constructor(metrics: Metrics, readHealth: ReadHealth, database: Database) {
    metrics.gauge('jobs', 'Jobs by state', ['state'], async (gauge) => {
      const { jobs } = await readHealth.run('engine');
      for (const state of JOB_STATES) gauge.set({ state }, jobs[state] ?? 0);
    });
    metrics.gauge('queue_depth', 'What waits in each queue', ['queue'], async (gauge) => {
      const { queues } = await readHealth.run('engine');
      for (const [queue, { pending }] of Object.entries(queues)) gauge.set({ queue }, pending);
    });
    metrics.gauge('queue_slots', 'What live workers can do of each queue at one time', ['queue'], async (gauge) => {
      const { queues } = await readHealth.run('engine');
      for (const [queue, { workers }] of Object.entries(queues)) gauge.set({ queue }, workers);
    });
    metrics.gauge(
      'queue_oldest_seconds',
      'Age of the oldest task that waits for a worker',
      ['queue'],
      async (gauge) => {
        gauge.reset();
        for (const { queue, seconds } of await database.stores.executions.oldest()) gauge.set({ queue }, seconds);
      },
    );
  }
}
