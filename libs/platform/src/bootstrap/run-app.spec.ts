import { Writable } from 'node:stream';

import {
  Controller,
  type ExceptionFilter,
  Get,
  Inject,
  Injectable,
  Module,
  type OnModuleDestroy,
  Param,
} from '@nestjs/common';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { Agent, request } from 'undici';

import type { SchedulerConfiguration } from '../configuration/scheduler.schema';
import { createLog, Log } from '../logging/log';
import { Metrics } from '../metrics/metrics';
import { CONFIGURATION } from './platform.module';
import { type AppOptions, type RunningApp, startApp } from './run-app';
import { Shutdown } from './shutdown';

const configuration = {
  HOST: '127.0.0.1',
  LOG_LEVEL: 'info' as const,
  SHUTDOWN_SECONDS: 5,
  DRAIN_DELAY_SECONDS: 0,
  RETENTION_DAYS: 7,
};
const steps: string[] = [];
let release: () => void = () => undefined;

@Injectable()
class Pool implements OnModuleDestroy {
  readonly name = 'postgresql';
  fault: Error | undefined;

  constructor(
    shutdown: Shutdown,
    readonly metrics: Metrics,
    readonly log: Log,
    @Inject(CONFIGURATION) readonly configuration: SchedulerConfiguration,
  ) {
    shutdown.onStopIntake('polls', () => void steps.push('intake'));
    shutdown.onFlush('log', () => void steps.push('flush'));
  }

  async check(): Promise<void> {
    if (this.fault) throw this.fault;
    await Promise.resolve();
  }

  onModuleDestroy(): void {
    steps.push('pool closed');
  }
}

@Controller()
class SlowController {
  @Get('slow/:id')
  async slow(@Param('id') id: string): Promise<{ id: string }> {
    steps.push('arrived');
    await new Promise<void>((resolve) => (release = resolve));
    steps.push('answered');
    return { id };
  }
}

@Module({ controllers: [SlowController], providers: [Pool] })
class TestModule {}

class Subscriber extends Server implements CustomTransportStrategy {
  listen(callback: () => void): void {
    steps.push('subscribed');
    callback();
  }

  close(): void {
    steps.push('unsubscribed');
  }

  override on(): void {}

  override unwrap<T>(): T {
    throw new Error('there is nothing to unwrap');
  }
}

let running: RunningApp | undefined;
const lines: string[] = [];

async function start(options: Partial<AppOptions> = {}): Promise<RunningApp> {
  const destination = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  const log = createLog({ name: 'scheduler', level: 'info', destination });
  running = await startApp(
    { name: 'scheduler', module: TestModule, configuration, port: 0, host: '127.0.0.1', ...options },
    log,
  );
  return running;
}

const get = async (path: string) => {
  const reply = await request(`${running!.url}${path}`);
  const text = await reply.body.text();
  return { status: reply.statusCode, type: reply.headers['content-type'], text };
};

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not come about in time');
    await new Promise(setImmediate);
  }
}

beforeEach(() => {
  steps.length = 0;
  lines.length = 0;
});

afterEach(async () => {
  release();
  await running?.stop();
  running = undefined;
});

describe('an app', () => {
  it('serves liveness, readiness and metrics on its port and hands the platform to its modules', async () => {
    const { app, port } = await start({ readiness: (each) => [each.get(Pool)] });
    expect(port).toBeGreaterThan(0);
    expect(app.get(Pool).configuration.RETENTION_DAYS).toBe(7);
    expect(await get('/livez')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    const ready = await get('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toMatchObject({ status: 'ok', details: { postgresql: { status: 'up' } } });
    app.get(Pool).metrics.counter('things_total', 'Things').inc();
    expect((await get('/metrics')).text).toContain('task_engine_things_total{app="scheduler"} 1');
    expect((await get('/metrics')).text).toContain('route="/livez",status="200"');
  });

  it('is not ready while an indicator is down or does not answer, stays alive, and shows no error text', async () => {
    const never = { name: 'redis', check: () => new Promise<void>(() => undefined) };
    const { app } = await start({ readiness: (each) => [each.get(Pool), never] });
    app.get(Pool).fault = new Error('connect postgres://user:hunter2@db failed');
    const ready = await get('/readyz');
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.text)).toMatchObject({
      status: 'error',
      details: { postgresql: { status: 'down' }, redis: { status: 'down' } },
    });
    expect(ready.text).not.toContain('hunter2');
    expect((await get('/livez')).status).toBe(200);
  });

  it('keeps probes out of the reach of global filters and prefixes', async () => {
    const filter: ExceptionFilter = {
      catch: () => {
        throw new Error('reached');
      },
    };
    await start({
      prepare: (app) => void app.setGlobalPrefix('api').useGlobalFilters(filter),
      readiness: () => [{ name: 'redis', check: () => Promise.reject(new Error('down')) }],
    });
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(503);
  });

  it('ends in order: not ready, no intake, running requests answered, flushed, connections closed', async () => {
    const { url, stop } = await start({
      strategy: () => new Subscriber(),
      beforeShutdown: () => void steps.push('asked'),
    });
    const agent = new Agent({ connections: 1, pipelining: 1 });
    const slow = request(`${url}/slow/1`, { dispatcher: agent });
    await until(() => steps.includes('arrived'));
    const stopped = stop();
    await until(() => steps.includes('asked'));
    // new connections are refused while the running request goes on
    await until(() =>
      request(`${url}/livez`).then(
        () => false,
        () => true,
      ),
    );
    expect(steps).toEqual(['subscribed', 'arrived', 'intake', 'asked']);
    release();
    const reply = await slow;
    expect(await reply.body.json()).toEqual({ id: '1' });
    expect(reply.headers.connection).toBe('close');
    await stopped;
    expect(steps).toEqual([
      'subscribed',
      'arrived',
      'intake',
      'asked',
      'answered',
      'flush',
      'pool closed',
      'unsubscribed',
    ]);
    await expect(request(`${url}/livez`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await agent.close();
  });

  it('answers not ready, on the open listener, during the delay before intake ends', async () => {
    const { stop } = await start({ configuration: { ...configuration, DRAIN_DELAY_SECONDS: 1 } });
    expect((await get('/readyz')).status).toBe(200);
    const stopped = stop();
    expect(await get('/readyz')).toMatchObject({ status: 503, text: '{"status":"shutting_down"}' });
    expect(steps).toEqual([]);
    await stopped;
    expect(steps).toEqual(['intake', 'flush', 'pool closed']);
  });

  it('closes what it opened when it cannot listen', async () => {
    const first = await start();
    await expect(
      startApp(
        { name: 'scheduler', module: TestModule, configuration, port: first.port, host: '127.0.0.1' },
        createLog({ name: 'x', level: 'silent' }),
      ),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(steps).toEqual(['pool closed']);
  });
});
