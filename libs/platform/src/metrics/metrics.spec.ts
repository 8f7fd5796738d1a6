import { fastify } from 'fastify';

import { measureHttp } from './http-metrics';
import { Metrics } from './metrics';

describe('metrics', () => {
  it('expose counters, gauges and histograms under our prefix, with the app and the event-loop lag', async () => {
    const metrics = new Metrics('scheduler');
    metrics.counter('leases_expired_total', 'Leases that ran out', ['queue']).inc({ queue: 'work' }, 2);
    metrics.histogram('wait_seconds', 'Wait', [], [1, 2]).observe(1.5);
    metrics.gauge('queue_depth', 'Depth', ['queue'], (gauge) => gauge.set({ queue: 'work' }, 7));
    const { text, contentType } = await metrics.expose();
    expect(contentType).toContain('text/plain');
    expect(text).toContain('task_engine_leases_expired_total{queue="work",app="scheduler"} 2');
    expect(text).toContain('task_engine_wait_seconds_bucket{le="2",app="scheduler"} 1');
    expect(text).toContain('task_engine_queue_depth{queue="work",app="scheduler"} 7');
    expect(text).toContain('nodejs_eventloop_lag_seconds{app="scheduler"}');
  });

  it('leave a gauge out whose source fails and keep the others', async () => {
    const metrics = new Metrics('scheduler');
    let healthy = true;
    metrics.gauge('jobs', 'Jobs', ['state'], async (gauge) => {
      await Promise.resolve();
      if (!healthy) throw new Error('no database');
      gauge.set({ state: 'queued' }, 3);
    });
    metrics.counter('other_total', 'Other').inc();
    expect((await metrics.expose()).text).toContain('task_engine_jobs{state="queued",app="scheduler"} 3');
    healthy = false;
    await metrics.expose();
    const { text } = await metrics.expose();
    expect(text).not.toContain('task_engine_jobs{');
    expect(text).toContain('task_engine_other_total{app="scheduler"} 1');
    expect(text).toMatch(/task_engine_collect_failures_total\{metric="jobs",app="scheduler"\} [12]/);
  });

  it('measure requests by route pattern, never by path', async () => {
    const metrics = new Metrics('api-gateway');
    const server = fastify();
    measureHttp(server, metrics);
    server.get('/jobs/:id', () => ({}));
    await server.inject('/jobs/123456?api-key=secret');
    await server.inject('/no/such/987654');
    const { text } = await metrics.expose();
    await server.close();
    expect(text).toContain(
      'task_engine_http_request_seconds_count{app="api-gateway",method="GET",route="/jobs/:id",status="200"} 1',
    );
    expect(text).toContain('route="unmatched",status="404"');
    expect(text).not.toMatch(/123456|987654|secret/);
  });
});
