import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TaskFailure, type JsonObject } from '@task-engine/domain';
import { OutboundHttp } from '@task-engine/platform';
import { BUILTIN_HANDLERS } from '@task-engine/workflows';
import { testContext } from './execution-context.fixture';
import type { ExecutionContext } from './executor';
import { createExecutors } from './index';

const workDir = mkdtempSync(join(tmpdir(), 'executors-'));
const outbound = new OutboundHttp({ allow: ['127.0.0.1/32'], timeoutMs: 2_000 });
const executors = createExecutors({ outbound, allowedCommands: ['sh', 'no-such-program'] });

afterAll(async () => {
  await outbound.close();
  rmSync(workDir, { recursive: true, force: true });
});

function execute(uses: string, context: ExecutionContext): Promise<JsonObject> {
  const executor = executors.get(uses);
  if (!executor) throw new Error(`no executor ${uses}`);
  return executor.execute(context);
}

async function failureOf(promise: Promise<unknown>): Promise<TaskFailure> {
  const error: unknown = await promise.then(
    () => new Error('did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof TaskFailure)) throw error;
  return error;
}

describe('the set of executors', () => {
  it('is exactly what definitions may name', () => {
    expect([...executors.keys()].sort()).toEqual([...BUILTIN_HANDLERS, 'command', 'http'].sort());
  });

  it('calls wrong arguments a final fault and names them', async () => {
    const failure = await failureOf(execute('builtin:sleep', testContext(workDir, { seconds: -1 })));
    expect(failure.message).toMatch(/^builtin:sleep: seconds: /);
    expect(failure.retryable).toBe(false);
  });
});

describe('trial handlers', () => {
  it('sleep lasts as long as it is told and stops at once with the reason of the abort', async () => {
    const started = Date.now();
    await execute('builtin:sleep', testContext(workDir, { seconds: 0.15 }));
    expect(Date.now() - started).toBeGreaterThanOrEqual(145);
    const controller = new AbortController();
    const sleeping = execute('builtin:sleep', testContext(workDir, { seconds: 3600 }, { signal: controller.signal }));
    controller.abort(new Error('job broken'));
    await expect(sleeping).rejects.toThrow('job broken');
  });

  it('fail fails with exactly the message, and may be tried again', async () => {
    expect(await failureOf(execute('builtin:fail', testContext(workDir, { message: 'as told' })))).toMatchObject({
      message: 'as told',
      retryable: true,
    });
  });

  it('flaky fails as often as it is told', async () => {
    const attempt = (n: number) => execute('builtin:flaky', testContext(workDir, { failures: 2 }, { attempt: n }));
    expect((await failureOf(attempt(1))).message).toBe('try 1 of 2 failed');
    expect((await failureOf(attempt(2))).message).toBe('try 2 of 2 failed');
    expect(await attempt(3)).toEqual({});
  });

  it('fail_if fails for good when its condition holds', async () => {
    expect(await execute('builtin:fail_if', testContext(workDir, { condition: null, message: 'no' }))).toEqual({});
    expect(
      await failureOf(execute('builtin:fail_if', testContext(workDir, { condition: true, message: 'no' }))),
    ).toMatchObject({
      message: 'no',
      retryable: false,
    });
  });
});

describe('command', () => {
  const run = (given: JsonObject, more: Partial<ExecutionContext> = {}) => {
    const context = testContext(workDir, given, more);
    return { context, result: execute('command', context) };
  };

  it('runs in the work folder, logs both outputs and gives stdout as JSON', async () => {
    const { context, result } = run({
      argv: ['sh', '-c', 'echo note >&2; echo "{\\"folder\\": \\"$(basename "$PWD")\\", \\"given\\": \\"$GIVEN\\"}"'],
      env: { GIVEN: 'x' },
      output: 'json',
    });
    expect(await result).toEqual({ folder: workDir.split('/').at(-1), given: 'x' });
    expect(context.rows).toContain('WARN note');
    expect(context.rows.filter((row) => row.startsWith('INFO {'))).toHaveLength(1);
  });

  it('runs only what is allowed, by the very text', async () => {
    expect(await failureOf(run({ argv: ['/bin/sh', '-c', 'true'] }).result)).toMatchObject({
      message: 'Command not allowed: /bin/sh',
      retryable: false,
    });
    expect((await failureOf(run({ argv: ['no-such-program'] }).result)).message).toBe(
      'no-such-program is not installed on this worker',
    );
  });

  it('tells the exit code and the last error line', async () => {
    expect((await failureOf(run({ argv: ['sh', '-c', 'echo a >&2; echo b >&2; exit 7'] }).result)).message).toBe(
      'sh failed with exit code 7: b',
    );
    expect((await failureOf(run({ argv: ['sh', '-c', 'kill -9 $$'] }).result)).message).toBe(
      'sh was killed by SIGKILL',
    );
  });

  it('fails when a promised file is absent, empty or outside the work folder', async () => {
    writeFileSync(join(workDir, 'full'), 'x');
    writeFileSync(join(workDir, 'empty'), '');
    expect(await run({ argv: ['sh', '-c', 'true'], files: ['full', join(workDir, 'full')] }).result).toEqual({});
    for (const file of ['empty', 'absent']) {
      expect((await failureOf(run({ argv: ['sh', '-c', 'true'], files: ['full', file] }).result)).message).toBe(
        'a_task: no output',
      );
    }
    expect((await failureOf(run({ argv: ['sh', '-c', 'true'], files: ['../x'] }).result)).message).toMatch(
      /leaves the work folder/,
    );
  });

  it('refuses output that is no JSON object', async () => {
    const failure = await failureOf(run({ argv: ['sh', '-c', 'echo 1'], output: 'json' }).result);
    expect(failure).toMatchObject({ message: 'a_task: output is not a JSON object', retryable: false });
  });
});

describe('http', () => {
  let server: Server;
  let url: string;
  let received: { method?: string; type?: string; body: string }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        received.push({ method: request.method, type: request.headers['content-type'], body });
        if (request.url?.startsWith('/silent')) return;
        const status = Number(request.url?.slice(1)) || 200;
        response.writeHead(status).end(JSON.stringify({ data: { items: [{ id: 5 }], name: 'n' } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  beforeEach(() => {
    received = [];
  });

  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  it('sends JSON and gives the part of the answer that is asked for', async () => {
    const context = testContext(workDir, { method: 'post', url, body: { a: 1 }, result: 'data.items.0' });
    expect(await execute('http', context)).toEqual({ id: 5 });
    expect(received).toEqual([{ method: 'POST', type: 'application/json', body: '{"a":1}' }]);
    expect(await execute('http', testContext(workDir, { url, result: 'data.name' }))).toEqual({ value: 'n' });
    expect(await execute('http', testContext(workDir, { url }))).toEqual({});
  });

  it.each([
    ['/404', false],
    ['/503', true],
    ['/429', true],
  ])('%s: retryable %s', async (path, retryable) => {
    const failure = await failureOf(execute('http', testContext(workDir, { url: url + path })));
    expect(failure).toMatchObject({ message: `GET ${url}${path}: ${path.slice(1)}`, retryable });
  });

  it('accepts exactly the statuses that are expected', async () => {
    expect(await execute('http', testContext(workDir, { url: `${url}/404`, expect: [404] }))).toEqual({});
    expect((await failureOf(execute('http', testContext(workDir, { url, expect: [201] })))).retryable).toBe(false);
  });

  it('retries what does not answer, not what is not allowed, and never shows the query', async () => {
    const silent = await failureOf(execute('http', testContext(workDir, { url: `${url}/silent?token=secret` })));
    expect(silent).toMatchObject({
      message: expect.stringMatching(/^GET http:\/\/127\.0\.0\.1:\d+\/silent\?\.\.\.: no complete answer/),
      retryable: true,
    });
    expect((await failureOf(execute('http', testContext(workDir, { url: 'http://10.0.0.1/' })))).retryable).toBe(false);
  });
});
