import { Writable } from 'node:stream';

import { createLog } from '../logging/log';
import { Shutdown } from './shutdown';

function shutdownWithLog() {
  const lines: string[] = [];
  const destination = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  return { shutdown: new Shutdown(createLog({ name: 'task-worker', level: 'info', destination })), lines };
}

const timing = { delaySeconds: 0, drainSeconds: 5 };

describe('the shutdown', () => {
  it('goes from intake over drain and server to flush, each phase complete before the next', async () => {
    const { shutdown } = shutdownWithLog();
    const steps: string[] = [];
    const step = (name: string, wait: number) => async () => {
      for (let i = 0; i < wait; i += 1) await new Promise(setImmediate);
      steps.push(name);
    };
    shutdown.onFlush('log', step('flush', 0));
    shutdown.onDrain('tasks', step('drain', 3));
    shutdown.onStopIntake('slow', step('intake slow', 5));
    shutdown.onStopIntake('quick', step('intake quick', 1));
    expect(shutdown.started).toBe(false);
    const done = shutdown.begin(timing, step('server', 2));
    expect(shutdown.started).toBe(true);
    expect(shutdown.signal.aborted).toBe(true);
    await done;
    expect(steps).toEqual(['intake quick', 'intake slow', 'drain', 'server', 'flush']);
  });

  it('tells the drain when to hand back what still runs', async () => {
    const { shutdown } = shutdownWithLog();
    let handedBack = false;
    shutdown.onDrain('tasks', async (deadline) => {
      await new Promise((resolve) => deadline.addEventListener('abort', resolve, { once: true }));
      handedBack = true;
    });
    await shutdown.begin({ delaySeconds: 0, drainSeconds: 0.05 }, () => undefined);
    expect(handedBack).toBe(true);
  });

  it('logs a step that fails and goes on', async () => {
    const { shutdown, lines } = shutdownWithLog();
    const flushed = jest.fn();
    shutdown.onStopIntake('broken', () => {
      throw new Error('no connection');
    });
    shutdown.onFlush('log', flushed);
    await shutdown.begin(timing, () => Promise.reject(new Error('server')));
    expect(flushed).toHaveBeenCalledTimes(1);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { message: 'shutdown step failed', name: 'broken', phase: 'stop intake' },
      { message: 'shutdown step failed', name: 'http', phase: 'close server' },
    ]);
  });

  it('runs once, however often it is asked for, and refuses a name twice', async () => {
    const { shutdown } = shutdownWithLog();
    const run = jest.fn();
    shutdown.onFlush('log', run);
    expect(() => shutdown.onFlush('log', run)).toThrow('registered twice');
    await Promise.all([shutdown.begin(timing, run), shutdown.begin(timing, run)]);
    expect(run).toHaveBeenCalledTimes(2);
  });
});
