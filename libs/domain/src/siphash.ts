/** The four words of the state, each as two halves, the high one first. Shared: a hash is computed in one go. */
const v = new Uint32Array(8);

/** Adds word `b` to word `a` (their first halves' indices). */
function add(a: number, b: number): void {
  const low = v[a + 1]! + v[b + 1]!;
  v[a] = v[a]! + v[b]! + (low > 0xffff_ffff ? 1 : 0);
  v[a + 1] = low;
}

/** Rotates word `b` left by 1 to 31 bits and mixes word `a` into it. */
function rotateXor(b: number, bits: number, a: number): void {
  const [high, low] = [v[b]!, v[b + 1]!];
  v[b] = ((high << bits) | (low >>> (32 - bits))) ^ v[a]!;
  v[b + 1] = ((low << bits) | (high >>> (32 - bits))) ^ v[a + 1]!;
}

/** By 32 bits. */
function swapHalves(a: number): void {
  [v[a], v[a + 1]] = [v[a + 1]!, v[a]!];
}

function round(): void {
  add(0, 2);
  rotateXor(2, 13, 0);
  swapHalves(0);
  add(4, 6);
  rotateXor(6, 16, 4);
  add(0, 6);
  rotateXor(6, 21, 0);
  add(4, 2);
  rotateXor(2, 17, 4);
  swapHalves(4);
}

function mixIn(high: number, low: number): void {
  v[6] = v[6]! ^ high;
  v[7] = v[7]! ^ low;
  round();
  round();
  v[0] = v[0]! ^ high;
  v[1] = v[1]! ^ low;
}

/**
 * SipHash-2-4 of 64 bits. In halves of 32: with bigints it takes some 50 times as long, and one request may bring thousands of texts.
 * @param key two words below 2^32 each
 */
export function sipHash(bytes: Uint8Array, [k0, k1]: readonly [number, number]): bigint {
  v.set([0x736f6d65, 0x70736575, 0x646f7261, 0x6e646f6d, 0x6c796765, 0x6e657261, 0x74656462, 0x79746573]);
  v[1] = v[1]! ^ k0;
  v[3] = v[3]! ^ k1;
  v[5] = v[5]! ^ k0;
  v[7] = v[7]! ^ k1;
  const whole = bytes.length - (bytes.length % 8);
  for (let at = 0; at < whole; at += 8) mixIn(word(bytes, at + 4), word(bytes, at));
  // the last word ends in the length
  const rest = new Uint8Array(8);
  rest.set(bytes.subarray(whole));
  rest[7] = bytes.length;
  mixIn(word(rest, 4), word(rest, 0));
  v[5] = v[5] ^ 0xff;
  for (let finish = 0; finish < 4; finish += 1) round();
  const [high, low] = [v[0]! ^ v[2]! ^ v[4]! ^ v[6]!, v[1] ^ v[3] ^ v[5] ^ v[7]];
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Four bytes from `at`, the lowest first. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
