import { Writable } from 'node:stream';

import { Logger } from '@nestjs/common';

import { createLog } from './log';
import { addLogContext, withLogContext } from './log-context';
import { NestLogger } from './nest-logger';

function captured(level = 'debug') {
  const lines: string[] = [];
  const destination = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  const log = createLog({ name: 'task-worker', level, destination });
  return {
    log,
    text: () => lines.join(''),
    lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe('the log', () => {
  it('writes one JSON line with level, time, app and message', () => {
    const { log, lines } = captured();
    log.info({ queue: 'work' }, 'claimed');
    log.warn('plain');
    expect(lines()).toEqual([
      expect.objectContaining({
        level: 'info',
        app: 'task-worker',
        queue: 'work',
        message: 'claimed',
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      }),
      expect.objectContaining({ level: 'warn', message: 'plain' }),
    ]);
  });

  it('carries the context over awaits, nested and apart for concurrent work', async () => {
    const { log, lines } = captured();
    const work = (jobId: string) =>
      withLogContext({ jobId, dialect: 'task-engine' }, async () => {
        await new Promise(setImmediate);
        addLogContext({ client: `client-${jobId}` });
        await withLogContext({ taskId: `${jobId}1` }, async () => {
          await new Promise(setImmediate);
          log.info('inner');
        });
        log.info('outer');
      });
    await Promise.all([work('1'), work('2')]);
    log.info('outside');
    expect(
      lines().map(({ message, jobId, taskId, client, dialect }) => [message, jobId, taskId, client, dialect]),
    ).toEqual([
      ['inner', '1', '11', 'client-1', 'task-engine'],
      ['outer', '1', undefined, 'client-1', 'task-engine'],
      ['inner', '2', '21', 'client-2', 'task-engine'],
      ['outer', '2', undefined, 'client-2', 'task-engine'],
      ['outside', undefined, undefined, undefined, undefined],
    ]);
  });

  it('shows no secret, wherever it hides', () => {
    const { log, text } = captured();
    const secret = 'hunter2hunter2hunter2';
    log.info(
      { headers: { 'API-Key': secret, authorization: `Bearer ${secret}` }, list: [{ db: { password: secret } }] },
      'a',
    );
    log.info(
      { url: `redis://user:${secret}@host:6379/0` },
      `connecting to postgres://u:${secret}@db/x with Bearer ${secret}`,
    );
    const driver = Object.assign(new Error(`connect amqp://u:${secret}@h failed`), {
      query: secret,
      password: secret,
      parameters: [secret],
    });
    log.error({ err: new Error('outer', { cause: driver }) }, 'b');
    expect(text()).not.toContain(secret);
    expect(text()).toContain('connect amqp://****@h failed');
  });

  it('shows type, message, stack, code and causes of an error', () => {
    const { log, lines } = captured();
    const cause = Object.assign(new TypeError('inner'), { code: 'E1' });
    log.error({ err: new Error('outer', { cause }) }, 'failed');
    expect(lines()[0]!.err).toMatchObject({
      type: 'Error',
      message: 'outer',
      stack: expect.stringContaining('log.spec') as string,
      cause: { type: 'TypeError', message: 'inner', code: 'E1' },
    });
  });

  it('survives cycles, great depth, big integers and bytes', () => {
    const { log, lines } = captured();
    const cycle: Record<string, unknown> = { id: 5n, bytes: Buffer.alloc(3) };
    cycle.self = cycle;
    let deep: unknown = 1;
    for (let i = 0; i < 10_000; i += 1) deep = [deep];
    log.info({ cycle, deep }, 'odd');
    expect(lines()[0]).toMatchObject({ cycle: { id: '5', bytes: '[3 bytes]', self: '[cut]' } });
  });

  it('leaves out lines below its level', () => {
    const { log, lines } = captured('warn');
    log.info('no');
    log.error('yes');
    expect(lines().map(({ message }) => message)).toEqual(['yes']);
  });
});

describe("Nest's own lines", () => {
  it('end in the same log, errors with their stack, and its start-up noise is debug', () => {
    const { log, lines } = captured();
    Logger.overrideLogger(new NestLogger(log));
    const nest = new Logger('Bull');
    nest.log('hello');
    nest.error(new Error('broken'));
    nest.error('text', 'Error: x\n    at here');
    nest.warn({ a: 1 });
    new Logger('InstanceLoader').log('Module initialized');
    Logger.overrideLogger(false);
    expect(lines()).toMatchObject([
      { level: 'info', context: 'Bull', message: 'hello' },
      { level: 'error', context: 'Bull', message: 'broken', err: { message: 'broken' } },
      { level: 'error', context: 'Bull', message: 'text', stack: 'Error: x\n    at here' },
      { level: 'warn', context: 'Bull', details: { a: 1 } },
      { level: 'debug', context: 'InstanceLoader' },
    ]);
  });
});
