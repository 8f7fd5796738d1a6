import { open, type FileHandle } from 'node:fs/promises';

/** A box of an ISO base media file. `start` is the offset of its header, `body` of what follows it, `end` of the next box. */
export interface Box {
  type: string;
  start: number;
  body: number;
  end: number;
}

/** A moov of hours of many tracks has some ten megabytes. */
const MAX_MOOV_BYTES = 512 * 1024 * 1024;

/** Boxes at the top of a file, without reading what is in them. Stops at the first thing that is no box. */
export async function topBoxes(file: FileHandle): Promise<Box[]> {
  const { size } = await file.stat();
  const boxes: Box[] = [];
  const header = Buffer.alloc(16);
  for (let at = 0; at + 8 <= size;) {
    const { bytesRead } = await file.read(header, 0, 16, at);
    const box = readHeader(header.subarray(0, bytesRead), 0, size - at);
    if (!box) break;
    boxes.push({ ...box, start: at, body: at + box.body, end: at + box.end });
    at += box.end;
  }
  return boxes;
}

/** True for an MP4 whose samples lie in fragments: it has no table to seek by. */
export async function isFragmented(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    return (await topBoxes(file)).some((box) => box.type === 'moof');
  } finally {
    await file.close();
  }
}

/** Boxes directly inside `parent` (offsets into `data`). */
export function childBoxes(data: Buffer, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at + 8 <= to;) {
    const box = readHeader(data.subarray(at, to), 0, to - at);
    if (!box) break;
    boxes.push({ type: box.type, start: at, body: at + box.body, end: at + box.end });
    at += box.end;
  }
  return boxes;
}

function readHeader(data: Buffer, at: number, room: number): Box | null {
  if (data.length < at + 8) return null;
  const type = data.toString('latin1', at + 4, at + 8);
  const short = data.readUInt32BE(at);
  if (short === 1 && data.length < at + 16) return null;
  const size = short === 0 ? room : short === 1 ? Number(data.readBigUInt64BE(at + 8)) : short;
  const body = short === 1 ? 16 : 8;
  return size < body || size > room ? null : { type, start: at, body, end: size };
}

/** Reads the `ftyp` and `moov` boxes of an MP4; null when one is missing. */
export async function readHeadBoxes(path: string): Promise<{ ftyp: Buffer; moov: Buffer } | null> {
  const file = await open(path, 'r');
  try {
    const boxes = await topBoxes(file);
    const [ftyp, moov] = ['ftyp', 'moov'].map((type) => boxes.find((box) => box.type === type));
    if (!ftyp || !moov || moov.end - moov.start > MAX_MOOV_BYTES) return null;
    const bytes = async ({ start, end }: Box) => {
      const buffer = Buffer.alloc(end - start);
      await file.read(buffer, 0, buffer.length, start);
      return buffer;
    };
    return { ftyp: await bytes(ftyp), moov: await bytes(moov) };
  } finally {
    await file.close();
  }
}

/** Boxes on the way from moov to the data references of its tracks. */
const DREF_PATH = new Set(['moov', 'trak', 'mdia', 'minf', 'dinf']);

/**
 * A copy of a box in which every data reference is a `url ` entry naming `location`: the samples are in that other file, at the
 * same offsets (reference 2.1, create_dref).
 */
export function pointTo(box: Buffer, location: string): Buffer {
  const header = readHeader(box, 0, box.length);
  if (!header) return box;
  if (header.type === 'dref')
    return makeBox(
      'dref',
      Buffer.concat([box.subarray(header.body, header.body + 8), ...entries(box, header, location)]),
    );
  if (!DREF_PATH.has(header.type)) return box;
  const parts = childBoxes(box, header.body, box.length).map((child) =>
    pointTo(box.subarray(child.start, child.end), location),
  );
  return makeBox(header.type, Buffer.concat(parts));
}

function entries(box: Buffer, header: Box, location: string): Buffer[] {
  // Version 0 and no flags: flag 1 would say "in this file".
  const entry = makeBox('url ', Buffer.concat([Buffer.alloc(4), Buffer.from(`${location}\0`, 'utf8')]));
  return childBoxes(box, header.body + 8, box.length).map(() => entry);
}

function makeBox(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(body.length + 8, 0);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, body]);
}
