import type { NewOutput } from '@task-engine/database';
import { OutputWriter } from './output-writer';
import { Utf8Cutter } from './utf8-cutter';

describe('Utf8Cutter', () => {
  const cut = (...chunks: Buffer[]) => {
    const cutter = new Utf8Cutter();
    const pieces = [...chunks.map((chunk) => cutter.cut(chunk)), cutter.end()];
    return { text: pieces.map(({ text }) => text).join(''), bytes: pieces.map(({ bytes }) => bytes) };
  };

  it('keeps characters whole wherever the stream is cut', () => {
    const all = Buffer.from('a\u00e9\u20ac\u{1f600}z');
    for (let at = 0; at <= all.length; at += 1) {
      const { text, bytes } = cut(all.subarray(0, at), all.subarray(at));
      expect(text).toBe(all.toString());
      expect(bytes.reduce((sum, n) => sum + n, 0)).toBe(all.length);
    }
    expect(cut(...[...all].map((byte) => Buffer.from([byte]))).text).toBe(all.toString());
  });

  it('makes valid text of any bytes and counts them all', () => {
    const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x28, 0xe2, 0x82, 0xf0, 0x9f]);
    const result = cut(bytes.subarray(0, 5), bytes.subarray(5));
    expect(result.text.isWellFormed()).toBe(true);
    expect(result.text).not.toContain('\0');
    expect(result.text).toContain('(');
    expect(result.bytes.reduce((sum, n) => sum + n, 0)).toBe(bytes.length);
  });
});

describe('OutputWriter', () => {
  const writer = (options: Partial<ConstructorParameters<typeof OutputWriter>[0]> = {}) => {
    const batches: NewOutput[][] = [];
    const output = new OutputWriter({
      append: (pieces) => Promise.resolve(batches.push(pieces) > 0),
      refused: (error) => {
        throw error;
      },
      limitBytes: 1_000_000,
      keptBytes: 0,
      signal: new AbortController().signal,
      ...options,
    });
    const text = (stream?: string) =>
      batches
        .flat()
        .filter((piece) => stream === undefined || piece.stream === stream)
        .map((piece) => piece.text)
        .join('');
    return { output, batches, text };
  };

  it('keeps both streams in the order in which they were written, many writes in one batch', async () => {
    const { output, batches, text } = writer();
    for (let n = 0; n < 100; n += 1) void output.take(n % 10 === 9 ? 'stderr' : 'stdout', Buffer.from(`${n}\n`));
    await output.end();
    expect(batches).toHaveLength(1);
    expect(text()).toBe(Array.from({ length: 100 }, (_, n) => `${n}\n`).join(''));
    expect(batches[0]!.length).toBe(20);
  });

  it('keeps no more than the limit, says so once, and goes on reading', async () => {
    const { output, text } = writer({ limitBytes: 10 });
    for (let n = 0; n < 5; n += 1) await output.take('stdout', Buffer.from('1234'));
    await output.end();
    expect(text('stdout')).toBe('1234123412');
    expect(text('stderr')).toBe('\n[output truncated: only 10 bytes are kept]\n');
  });

  it('counts what another worker has kept', async () => {
    const { output, text } = writer({ limitBytes: 10, keptBytes: 7 });
    await output.take('stderr', Buffer.from('1234'));
    await output.end();
    expect(text('stderr')).toBe('123\n[output truncated: only 10 bytes are kept]\n');
    const over = writer({ limitBytes: 10, keptBytes: 10 });
    await over.output.take('stderr', Buffer.from('1234'));
    await over.output.end();
    expect(over.batches).toEqual([]);
  });

  it('makes a command wait that writes faster than its output is kept', async () => {
    let free = () => {};
    const blocked = new Promise<void>((resolve) => (free = resolve));
    const { output } = writer({ limitBytes: 10_000_000, append: () => blocked.then(() => true) });
    const chunk = Buffer.alloc(65_536, 'x');
    let waits: void | Promise<void>;
    let taken = 0;
    while (!(waits = output.take('stdout', chunk))) taken += chunk.length;
    expect(taken).toBeLessThan(2_200_000);
    free();
    await waits;
    await output.end();
  });

  it('tries again while PostgreSQL is away and keeps each piece once', async () => {
    const batches: NewOutput[][] = [];
    let away = 2;
    const { output } = writer({
      append: (pieces) => {
        if (away-- > 0) return Promise.reject(new Error('Connection terminated unexpectedly'));
        batches.push(pieces);
        return Promise.resolve(true);
      },
    });
    await output.take('stdout', Buffer.from('once'));
    await output.end();
    expect(batches.flat().map(({ text }) => text)).toEqual(['once']);
  });

  it('gives up what PostgreSQL refuses for good, and says why', async () => {
    let calls = 0;
    const reasons: unknown[] = [];
    const fault = new Error('invalid byte sequence');
    const { output } = writer({
      append: () => {
        calls += 1;
        return Promise.reject(fault);
      },
      refused: (error) => reasons.push(error),
    });
    await output.take('stdout', Buffer.from('once'));
    await output.end();
    await output.take('stdout', Buffer.from('more'));
    await output.end();
    expect(calls).toBe(1);
    expect(reasons).toEqual([fault]);
  });

  it('keeps nothing more once the lease is gone', async () => {
    let calls = 0;
    const { output } = writer({ append: () => Promise.resolve(++calls > 1) });
    await output.take('stdout', Buffer.alloc(70_000, 'x'));
    await output.end();
    await output.take('stdout', Buffer.from('more'));
    await output.end();
    expect(calls).toBe(1);
  });
});
