import type { ClaimedWork } from '@task-engine/engine';
import { eventually } from '../../../scripts/local/eventually';
import { Slots } from './slots';
import { WorkSource } from './work-source';

/** A table of executions, and the worker's part of it. */
class Table {
  readonly handedBack: string[] = [];
  readonly claims: { limit: number; since: string | undefined }[] = [];
  readonly failures: unknown[] = [];
  readonly begun: string[] = [];
  most = 0;
  private running = 0;
  private next = 0;
  private readonly gates = new Map<string, () => void>();
  fault: Error | undefined;

  /** @param takes milliseconds that a task runs; undefined: until it is told to end */
  constructor(
    public waiting: number,
    public takes?: number,
  ) {}

  source(slots: number | Slots): WorkSource {
    return new WorkSource({
      slots,
      claim: async (limit, since) => {
        this.claims.push({ limit, since });
        await new Promise((resolve) => setImmediate(resolve));
        if (this.fault) throw this.fault;
        const count = Math.min(limit, this.waiting);
        this.waiting -= count;
        return Array.from({ length: count }, () => {
          this.next += 1;
          return { executionId: String(this.next), availableAt: `at ${this.next}` } as ClaimedWork;
        });
      },
      run: async ({ executionId }) => {
        this.begun.push(executionId);
        this.running += 1;
        this.most = Math.max(this.most, this.running);
        await new Promise<void>((resolve) => {
          if (this.takes === undefined) this.gates.set(executionId, resolve);
          else setTimeout(resolve, this.takes);
        });
        this.running -= 1;
      },
      handBack: (work) => this.handedBack.push(...work.map(({ executionId }) => executionId)),
      failed: (error) => this.failures.push(error),
    });
  }

  add(count: number): void {
    this.waiting += count;
  }

  end(executionId: string): void {
    this.gates.get(executionId)!();
  }
}

describe('the work of one queue', () => {
  it('runs no more at one time than there are slots, and all of it in order', async () => {
    const table = new Table(500, 0);
    const source = table.source(4);
    await source.look();
    await eventually(() => table.begun.length === 500);
    expect(table.most).toBe(4);
    expect(table.begun).toEqual(Array.from({ length: 500 }, (_, index) => String(index + 1)));
  });

  it('claims slow tasks one slot at a time: others may be free for them', async () => {
    const table = new Table(10);
    const source = table.source(2);
    expect(await source.look()).toBe(true);
    expect(table.begun).toEqual(['1', '2']);
    table.end('1');
    await eventually(() => table.begun.length === 3);
    expect(table.claims.map(({ limit }) => limit)).toEqual([2, 1]);
  });

  it('claims fast tasks ahead of its slots, many at a time, and goes on where it stood', async () => {
    const table = new Table(3_000, 0);
    const source = table.source(4);
    await source.look();
    await eventually(() => table.begun.length === 3_000, { timeout: 20_000 });
    expect(table.claims.length).toBeLessThan(300);
    expect(Math.max(...table.claims.map(({ limit }) => limit))).toBeGreaterThan(50);
    expect(table.claims.some(({ since }) => since !== undefined)).toBe(true);
  }, 30_000);

  it('tells whether more may wait, and when there is room again', async () => {
    const table = new Table(3);
    const source = table.source(2);
    expect(await source.look()).toBe(true);
    let room = false;
    const waiting = source.room().then(() => (room = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(room).toBe(false);
    table.end('1');
    await eventually(() => table.begun.length === 3);
    table.end('2');
    await waiting;
    await eventually(async () => expect(await source.look()).toBe(false));
  });

  it('hands back what it claimed ahead when the tasks before it turn out to be slow', async () => {
    const table = new Table(200, 0);
    const source = table.source(2);
    await source.look();
    await eventually(() => table.begun.length === 200);
    // it has learnt that tasks are fast; now they are not
    table.takes = undefined;
    table.add(50);
    await source.look();
    expect(table.begun.length).toBe(202);
    await new Promise((resolve) => setTimeout(resolve, 550));
    source.tidy();
    expect(table.handedBack.length).toBeGreaterThan(0);
    expect(table.handedBack).not.toContain(table.begun.at(-1));
  });

  it('after a claim that failed the next look tries again', async () => {
    const table = new Table(1, 0);
    const source = table.source(2);
    table.fault = new Error('no PostgreSQL');
    expect(await source.look()).toBe(false);
    expect(table.failures).toEqual([table.fault]);
    table.fault = undefined;
    await source.look();
    expect(table.begun).toEqual(['1']);
  });

  it('once stopped it begins nothing, hands back what it had not begun, and holds nobody up', async () => {
    const table = new Table(200, 0);
    const source = table.source(2);
    await source.look();
    await eventually(() => table.begun.length === 200);
    table.takes = undefined;
    table.add(20);
    await source.look();
    const begun = table.begun.length;
    expect(begun).toBe(202);
    source.stop();
    await source.room();
    expect(table.handedBack.length).toBe(20 - 2 - table.waiting);
    expect(await source.look()).toBe(false);
    expect(table.begun.length).toBe(begun);
  });
});

describe('queues that share their slots', () => {
  it('together run no more than there are, claim no more than can run, and take turns', async () => {
    const slots = new Slots(4);
    const [long, short] = [new Table(100), new Table(3)];
    const sources = [long.source(slots), short.source(slots)];
    await Promise.all(sources.map((source) => source.look()));
    expect([long.begun.length, short.begun.length]).toEqual([4, 0]);
    expect(slots.free).toBe(0);
    for (let ended = 0; ended < 6; ended += 1) {
      long.end(long.begun[ended]!);
      await eventually(() => expect(long.begun.length + short.begun.length).toBe(5 + ended));
      expect(slots.free).toBe(0);
    }
    // a long queue leaves the other its share
    expect(short.begun).toHaveLength(3);
    expect(long.begun).toHaveLength(7);
    expect(100 - long.waiting).toBe(long.begun.length);
  });

  it('a slot that one has no work for goes to the other', async () => {
    const slots = new Slots(2);
    const [empty, full] = [new Table(0), new Table(5, 1)];
    const sources = [empty.source(slots), full.source(slots)];
    await Promise.all(sources.map((source) => source.look()));
    await eventually(() => expect(full.begun).toHaveLength(5));
    expect(full.most).toBe(2);
    expect(slots.free).toBe(2);
  });
});
