import { OutputFrames } from './output-frames';

const OUT = 1;
const ERR = 2;

function frame(kind: number, text: string | Buffer): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** All output, by stream, with the bytes arriving in chunks of `size`. */
function read(bytes: Buffer, size: number, options?: { restoreNewlines: boolean }) {
  const frames = new OutputFrames(options);
  const output = { stdout: '', stderr: '' };
  for (let at = 0; at < bytes.length; at += size) {
    for (const part of frames.push(bytes.subarray(at, at + size))) output[part.stream] += part.bytes.toString('latin1');
  }
  return { ...output, complete: frames.complete };
}

describe('the output of a container', () => {
  const bytes = Buffer.concat([frame(OUT, 'a\n'), frame(ERR, ''), frame(ERR, 'e1\n'), frame(OUT, 'b'), frame(3, 'x')]);

  it.each([1, 2, 3, 7, 8, 9, 1000])('is taken apart whatever the cuts (%i bytes at a time)', (size) => {
    expect(read(bytes, size)).toEqual({ stdout: 'a\nb', stderr: 'e1\nx', complete: true });
  });

  it('is not complete where the stream ends within a frame', () => {
    expect(read(bytes.subarray(0, bytes.length - 1), 5).complete).toBe(false);
    expect(read(bytes.subarray(0, 4), 5).complete).toBe(false);
  });

  it('is handed on before its frame is whole', () => {
    const frames = new OutputFrames();
    expect(frames.push(frame(OUT, 'abcdef').subarray(0, 10)).map((part) => part.bytes.toString())).toEqual(['ab']);
  });
});

describe('the output of a container whose engine drops newlines of long lines', () => {
  const piece = 'x'.repeat(16 * 1024);
  const restored = (...frames: Buffer[]) => read(Buffer.concat(frames), 1000, { restoreNewlines: true });

  it('has each of them put back when the next line of the stream comes', () => {
    const { stdout, stderr } = restored(
      frame(OUT, piece),
      frame(OUT, piece),
      frame(OUT, 'end'),
      frame(ERR, 'error\n'),
      frame(OUT, 'next\n'),
      frame(OUT, piece),
      frame(OUT, 'of 16 KB before\n'),
      frame(OUT, piece),
      frame(OUT, 'end 2'),
      frame(OUT, piece),
      frame(OUT, 'end 3'),
      frame(OUT, 'last'),
    );
    const lines = [`${piece}${piece}end`, 'next', piece, 'of 16 KB before', `${piece}end 2`, `${piece}end 3`, 'last'];
    expect(stdout === lines.join('\n')).toBe(true);
    expect(stderr).toBe('error\n');
  });

  it('gets none where nothing says that there was one: at its end, and after short lines', () => {
    expect(restored(frame(OUT, piece), frame(OUT, 'end')).stdout).toBe(`${piece}end`);
    expect(restored(frame(OUT, 'a\n'), frame(OUT, 'b')).stdout).toBe('a\nb');
    expect(restored(frame(OUT, `${piece.slice(1)}\n`), frame(OUT, 'b\n')).stdout).toBe(`${piece.slice(1)}\nb\n`);
  });
});
