import { Readable } from 'node:stream';
import { type Part, partsOf } from './presenters/joined';

/** An answer that is read as fast as its client takes it, and held nowhere. */
export function streamOf(parts: Part[]): Readable {
  return Readable.from(partsOf(parts), { objectMode: false });
}
