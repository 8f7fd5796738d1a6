import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { type Options, transformSync } from '@swc/core';

/** The platform runs here as compiled code in a process of its own: signals and exit codes are what is tested. */
const source = join(__dirname, '..');
const root = join(source, '..', '..', '..');
let folder: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-app-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const { jsc } = JSON.parse(readFileSync(join(root, '.swcrc'), 'utf8')) as { jsc: object };
  const options: Options = { jsc: { ...jsc, baseUrl: root }, module: { type: 'commonjs' }, swcrc: false };
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.spec.ts')) continue;
    const target = join(folder, 'platform', name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const { code } = transformSync(readFileSync(join(source, name), 'utf8'), {
      ...options,
      filename: join(source, name),
    });
    writeFileSync(target, code);
  }
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts an app whose module runs `body` with `shutdown` at hand. */
function start(body: string, configuration: object = {}, port = 0) {
  const file = join(folder, `app-${children.length}.js`);
  writeFileSync(
    file,
    `const { Module } = require('@nestjs/common');
     const { runApp, Shutdown } = require('./platform');
     const configuration = ${JSON.stringify({ HOST: '127.0.0.1', LOG_LEVEL: 'info', SHUTDOWN_SECONDS: 5, DRAIN_DELAY_SECONDS: 0, ...configuration })};
     class App {}
     Module({ providers: [{ provide: 'body', useFactory: (shutdown) => { ${body} }, inject: [Shutdown] }] })(App);
     void runApp({ name: 'task-worker', module: App, configuration, port: ${port}, host: '127.0.0.1' });`,
  );
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const said = async (text: string) => {
    const deadline = Date.now() + 15_000;
    while (!output.includes(text)) {
      if (Date.now() > deadline) throw new Error(`"${text}" was not said: ${output}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { child, exited, said, output: () => output };
}

// each starts processes of its own, beside the tests of a second jest worker
jest.setTimeout(30_000);

describe('an app as a process', () => {
  it('ends with 0 on SIGTERM after its drain, and a second signal changes nothing', async () => {
    const app = start(
      `shutdown.onDrain('task', async () => { await new Promise((done) => setTimeout(done, 300)); console.log('drained'); });`,
    );
    await app.said('listening');
    app.child.kill('SIGTERM');
    await app.said('shutting down');
    app.child.kill('SIGINT');
    expect(await app.exited).toBe(0);
    expect(app.output()).toContain('drained');
  });

  it('hands back in time and ends with 0 when work would last longer than allowed', async () => {
    const app = start(
      `shutdown.onDrain('task', (deadline) => new Promise((done) => deadline.addEventListener('abort', () => { console.log('handed back'); done(); })));`,
      { SHUTDOWN_SECONDS: 1 },
    );
    await app.said('listening');
    app.child.kill('SIGTERM');
    expect(await app.exited).toBe(0);
    expect(app.output()).toContain('handed back');
  });

  it('ends with 1 at the hard limit when something never ends', async () => {
    const app = start(`shutdown.onDrain('stuck', () => new Promise(() => {}));`, { SHUTDOWN_SECONDS: 1 });
    await app.said('listening');
    app.child.kill('SIGTERM');
    expect(await app.exited).toBe(1);
    expect(app.output()).toContain('not done after 1 s');
  });

  it('logs an unhandled rejection and an uncaught exception as JSON and ends with 1', async () => {
    for (const [fault, message] of [
      [`setTimeout(() => Promise.reject(new Error('boom')), 10)`, 'unhandled rejection'],
      [`setTimeout(() => { throw new Error('boom'); }, 10)`, 'uncaught exception'],
    ] as const) {
      const app = start(fault);
      expect(await app.exited).toBe(1);
      const fatal = app
        .output()
        .split('\n')
        .find((line) => line.includes('"fatal"'));
      expect(JSON.parse(fatal!)).toMatchObject({
        level: 'fatal',
        app: 'task-worker',
        message,
        err: { message: 'boom' },
      });
    }
  });

  it('says in one line that its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const app = start('', {}, port);
    expect(await app.exited).toBe(1);
    other.close();
    expect(app.output()).toContain(`127.0.0.1:${port} is in use by another process`);
    expect(app.output()).not.toContain('    at ');
  });

  it('ends with 1 and the reason when its module cannot be made', async () => {
    const app = start(`throw new Error('no such thing');`);
    expect(await app.exited).toBe(1);
    expect(app.output()).toContain('could not start');
    expect(app.output()).toContain('no such thing');
  });
});
