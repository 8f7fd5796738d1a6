import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createTestDatabase, redisUrl, type TestDatabase } from '../../test/support/test-database';
import { temporaryFolder, testEnvironment } from '../../test/support/test-servers';
import { APPS } from './app-process';
import { eventually } from './eventually';
import { LocalSuite } from './local-suite';
import { freePort } from './ports';
import { isAlive } from './process-identity';

/** Stands in for an app: serves /readyz and what it was started with; CRASH makes it fail as a wrong configuration would. */
const FIXTURE = `
  const { createServer } = require('node:http');
  if (process.env.CRASH === 'yes') { console.log('{"msg":"SOME_SETTING is missing"}'); process.exit(1); }
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ pid: process.pid, env: process.env, cwd: process.cwd() }));
  });
  server.listen(Number(process.env.OPS_PORT ?? process.env.PORT), process.env.HOST);
  process.on('SIGTERM', () => { console.log('orderly end'); server.closeAllConnections(); server.close(() => process.exit(0)); });`;

interface Facts {
  pid: number;
  cwd: string;
  env: Record<string, string>;
}

const factsOf = async (url: string) => (await (await fetch(`${url}/readyz`)).json()) as Facts;

describe('the local suite', () => {
  const checkout = resolve(__dirname, '../..');
  let root: string;
  let database: TestDatabase;
  let external: Record<string, string>;

  beforeAll(async () => {
    root = temporaryFolder('checkout');
    for (const app of APPS) {
      mkdirSync(resolve(root, 'dist/apps', app, 'src'), { recursive: true });
      writeFileSync(resolve(root, 'dist/apps', app, 'src/main.js'), FIXTURE);
    }
    for (const part of ['scripts', 'libs'])
      cpSync(resolve(checkout, 'dist', part), resolve(root, 'dist', part), { recursive: true });
    symlinkSync(resolve(checkout, 'node_modules'), resolve(root, 'node_modules'));
    writeFileSync(resolve(root, 'package.json'), '{}');
    database = await createTestDatabase();
    external = { DATABASE_URL: database.url, REDIS_URL: await redisUrl() };
  });

  afterAll(async () => {
    await database.drop();
    rmSync(root, { recursive: true, force: true });
  });

  describe('as a class', () => {
    let suite: LocalSuite | undefined;
    let dataDir: string;
    const start = async (more: Partial<Parameters<typeof LocalSuite.start>[0]> = {}) => {
      const env = { ...testEnvironment(), ...external };
      dataDir = temporaryFolder('data');
      suite = await LocalSuite.start({ dataDir, port: 0, env, migrated: true, dist: resolve(root, 'dist'), ...more });
      return suite;
    };

    afterEach(async () => {
      await suite?.stop();
      rmSync(dataDir, { recursive: true, force: true });
      suite = undefined;
    });

    it('gives every replica of every app its own port, log and the variables of the run', async () => {
      const running = await start({ replicas: { 'api-gateway': 2, scheduler: 2 }, appEnv: { EXTRA: 'passed' } });
      expect(running.members).toHaveLength(7);
      expect(new Set(running.members.map(({ url }) => url)).size).toBe(7);
      const { env, pid } = await factsOf(running.url('scheduler', 2));
      expect(pid).toBe(running.pid('scheduler', 2));
      expect(env).toMatchObject({
        ...external,
        EXTRA: 'passed',
        HOST: '127.0.0.1',
        DATA_DIR: running.servers.folder.path,
      });
      expect(env).toMatchObject({ BOOTSTRAP_CLIENTS: 'demo-client:demo-key', OUTBOUND_ALLOW: '127.0.0.1/32,::1/128' });
      expect(running.logFile('scheduler', 2)).toBe(running.servers.folder.at('logs/scheduler-2.log'));
    });

    it('starts a killed app again on its port, and leaves one that was taken down', async () => {
      const running = await start({ apps: ['api-gateway', 'scheduler'] });
      const before = await factsOf(running.url('api-gateway'));
      await running.kill('api-gateway');
      await running.ready(10_000);
      const after = await factsOf(running.url('api-gateway'));
      expect(after.pid).not.toBe(before.pid);
      expect(after.env.PORT).toBe(before.env.PORT);

      await running.takeDown('scheduler');
      expect(readFileSync(running.logFile('scheduler'), 'utf8')).toContain('orderly end');
      await running.kill('api-gateway');
      await running.ready(10_000);
      expect(running.pid('scheduler')).toBeUndefined();
      await running.bringUp('scheduler');
      expect((await factsOf(running.url('scheduler'))).pid).toBe(running.pid('scheduler'));
    });

    it('fails with the last words of an app that keeps ending, and leaves nothing running', async () => {
      const failure = await start({ apps: ['scheduler'], appEnv: { CRASH: 'yes' } }).catch(
        (error: Error) => error.message,
      );
      expect(failure).toMatch(/^scheduler keeps ending/);
      expect(failure).toContain('SOME_SETTING is missing');
    });
  });

  describe('as npm start', () => {
    const children: ChildProcess[] = [];

    /** Runs dist/scripts/start.js of the stand-in checkout. */
    function run(env: NodeJS.ProcessEnv) {
      const child = spawn(process.execPath, [resolve(root, 'dist/scripts/start.js')], {
        cwd: root,
        env: { ...testEnvironment(), ...env },
      });
      children.push(child);
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const ended = new Promise<number | null>((done) => child.once('close', done));
      const up = async () => {
        await eventually(() => output.includes('Ctrl-C stops it') || Promise.reject(new Error(output)), {
          timeout: 30_000,
        });
        return output;
      };
      return { child, up, ended, output: () => output };
    }

    afterEach(() => {
      for (const child of children.splice(0)) child.kill('SIGKILL');
    });

    it('prints where it serves, ends with 0 on SIGTERM and Ctrl-C, and starts again on its data', async () => {
      const env = { PORT: String(await freePort()), DATA_DIR: 'first' };
      for (const round of ['fresh', 'again']) {
        const { child, up, ended } = run(env);
        const shown = await up();
        expect(shown).toContain(`Task Engine is up: http://127.0.0.1:${env.PORT}`);
        expect(shown).toContain('client: demo-client   api-key: demo-key');
        expect(shown).toContain(resolve(root, 'first/logs'));
        child.kill(round === 'fresh' ? 'SIGTERM' : 'SIGINT');
        // npm passes on the Ctrl-C that the terminal has sent already.
        child.kill('SIGINT');
        expect([round, await ended]).toEqual([round, 0]);
      }
    });

    it('refuses the port and the data folder of another instance in one line', async () => {
      const env = { ...external, PORT: String(await freePort()), DATA_DIR: 'second' };
      const first = run(env);
      await first.up();
      const sameFolder = run({ ...env, PORT: String(await freePort()) });
      expect(await sameFolder.ended).toBe(1);
      expect(sameFolder.output()).toContain(
        `Another instance (process ${first.child.pid}, http://127.0.0.1:${env.PORT}) uses the data folder`,
      );
      const samePort = run({ ...env, DATA_DIR: 'third' });
      expect(await samePort.ended).toBe(1);
      expect(samePort.output()).toContain(`Port ${env.PORT} on 127.0.0.1 cannot be used`);
      for (const { output } of [sameFolder, samePort]) expect(output().trim().split('\n')).toHaveLength(2);
    });

    it('leaves no app behind when it is killed with SIGKILL', async () => {
      const env = { ...external, PORT: String(await freePort()), DATA_DIR: 'fourth' };
      const { child, up } = run(env);
      const urls = [...(await up()).matchAll(/ok .* s {2}[a-z-]+: (http\S+)/g)].map(([, url]) => String(url));
      expect(urls).toHaveLength(5);
      const pids = await Promise.all(urls.map(async (url) => (await factsOf(url)).pid));
      child.kill('SIGKILL');
      await eventually(() => !pids.some(isAlive), { timeout: 5000 });
    });
  });
});
