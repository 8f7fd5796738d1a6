/** Bytes and the text they are, without NUL, which PostgreSQL does not store. */
export interface CutText {
  bytes: number;
  text: string;
}

/** Cuts a stream of bytes between characters. What is no UTF-8 becomes U+FFFD. */
export class Utf8Cutter {
  private rest = Buffer.alloc(0);

  /** All whole characters up to here. */
  cut(chunk: Buffer): CutText {
    const all = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const whole = all.length - unfinished(all);
    this.rest = Buffer.from(all.subarray(whole));
    return textOf(all.subarray(0, whole));
  }

  /** What is left at the end. */
  end(): CutText {
    const rest = this.rest;
    this.rest = Buffer.alloc(0);
    return textOf(rest);
  }
}

function textOf(bytes: Buffer): CutText {
  return { bytes: bytes.length, text: bytes.toString('utf8').replaceAll('\0', '\uFFFD') };
}

/** Bytes at the end that may be the beginning of a character: three at most. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}
