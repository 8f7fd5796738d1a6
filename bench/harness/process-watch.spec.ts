import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpuSecondsOf } from './process-stat';
import { ProcessWatch } from './process-watch';

/** Busy for that much CPU time: a loop by the clock would do little on a busy machine. */
const busyFor = (microseconds: number) =>
  `for (let n = 0; ; n++) { const { user, system } = process.cpuUsage(); if (user + system > ${microseconds}) break; }`;

describe('ProcessWatch', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  /** Runs a script to the end; the process then stays until the test is over. */
  async function processAfter(script: string): Promise<number> {
    const child = spawn(process.execPath, ['-e', `${script}; console.log('done'); setInterval(() => {}, 1e6);`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child.pid!;
  }

  it('counts the CPU time of a window only, and what a process that started within it has used in all', async () => {
    const before = await processAfter(busyFor(400_000));
    const within: number[] = [];
    const watch = new ProcessWatch([
      { name: 'before', pid: () => before },
      { name: 'within', pid: () => within[0] },
    ]);
    watch.begin();
    within.push(await processAfter(busyFor(400_000)));
    const [idle, busy] = watch.end();
    expect(idle!.cpuSeconds).toBeLessThan(0.2);
    expect(busy!.cpuSeconds).toBeGreaterThan(0.3);
    expect(busy!.rssMb).toBeGreaterThan(10);
  }, 30_000);

  it('counts children, those that have ended too', async () => {
    const child = JSON.stringify(busyFor(400_000));
    const parent = await processAfter(`require('node:child_process').spawnSync(process.execPath, ['-e', ${child}])`);
    expect(cpuSecondsOf(parent, true) - cpuSecondsOf(parent, false)).toBeGreaterThan(0.3);
  }, 30_000);
});
