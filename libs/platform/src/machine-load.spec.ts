import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineLoad } from './machine-load';

const folder = mkdtempSync(join(tmpdir(), 'load-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function busyFor(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

describe('the use of a machine', () => {
  it('is what the system says of it', async () => {
    const { memory, disk } = await new MachineLoad(folder).look();
    const [, percent] = /(\d+)%/.exec(execFileSync('df', ['-P', folder], { encoding: 'utf8' }))!;
    // df rounds up
    expect(Math.abs(disk! - Number(percent) / 100)).toBeLessThan(0.02);
    const kilobytes = (name: string) =>
      Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'latin1'))![1]);
    expect(memory).toBeCloseTo(1 - kilobytes('MemAvailable') / kilobytes('MemTotal'), 1);
  });

  it('is that of the processors since the last look', async () => {
    const load = new MachineLoad(folder);
    await load.look();
    busyFor(200);
    expect((await load.look()).cpu).toBeGreaterThan(0.02);
  });

  it('is that of the container where this has a limit of its own', async () => {
    const used = (microseconds: number) =>
      writeFileSync(join(folder, 'cpu.stat'), `usage_usec ${microseconds}\nuser_usec 1\n`);
    writeFileSync(join(folder, 'cpu.max'), '50000 100000\n');
    used(1_000_000);
    const load = new MachineLoad(folder, folder);
    await load.look();
    const from = performance.now();
    busyFor(200);
    // all of its half of a processor
    used(1_000_000 + ((performance.now() - from) * 1_000) / 2);
    expect((await load.look()).cpu).toBeGreaterThan(0.8);
    writeFileSync(join(folder, 'cpu.max'), 'max 100000\n');
    await load.look();
    busyFor(50);
    expect((await load.look()).cpu).toBeGreaterThan(0);
  });

  it('is not known of a folder that is not there', async () => {
    expect((await new MachineLoad(join(folder, 'none')).look()).disk).toBeNull();
  });
});
