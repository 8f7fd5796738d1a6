import { JsonReader, ParseFault } from './json-reader';

export { ParseFault } from './json-reader';

/** What a value must be: anything else is a fault. A value that is null or missing is the kind's zero. */
export interface Field<T> {
  zero(): T;
  read(reader: JsonReader): T;
}

export type Shape = Readonly<Record<string, Field<unknown>>>;

export type Decoded<S extends Shape> = { [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** Digits and sign of the longest integer that fits: longer ones cost time to read. */
const INT64_LENGTH = 20;
const INTEGER = /^-?\d+$/;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text that PostgreSQL can store: no NUL, no half of a surrogate pair. */
export const text = (): Field<string> => ({
  zero: () => '',
  read: (reader) => {
    const value = reader.string();
    if (value.includes('\u0000') || !value.isWellFormed()) throw new ParseFault('text that cannot be stored');
    return value;
  },
});

/** An integer written as one: neither `1.0` nor `1e2`. */
function integer<T>(bits: number, convert: (value: bigint) => T): Field<T> {
  return {
    zero: () => convert(0n),
    read: (reader) => {
      const literal = reader.number();
      if (!INTEGER.test(literal) || literal.length > INT64_LENGTH) throw new ParseFault('not an integer');
      const value = BigInt(literal);
      if (value !== BigInt.asIntN(bits, value)) throw new ParseFault('an integer that is out of range');
      return convert(value);
    },
  };
}

export const int64 = (): Field<bigint> => integer(64, (value) => value);
export const int32 = (): Field<number> => integer(32, Number);
export const int16 = (): Field<number> => integer(16, Number);

export const float = (): Field<number> => ({
  zero: () => 0,
  read: (reader) => {
    const value = Number(reader.number());
    if (!Number.isFinite(value)) throw new ParseFault('a number that is out of range');
    return value;
  },
});

export const flag = (): Field<boolean> => ({ zero: () => false, read: (reader) => reader.flag() });

export function object<S extends Shape>(shape: S): Field<Decoded<S>> {
  const fields = new Map(Object.entries(shape));
  // made once: a body may bring thousands of objects
  const zeros = Object.fromEntries([...fields].map(([name, field]) => [name, field.zero()])) as Decoded<S>;
  return {
    zero: () => ({ ...zeros }),
    read: (reader) => {
      const value: Record<string, unknown> = { ...zeros };
      reader.object((key) => {
        const name = fields.has(key) ? key : key.toLowerCase();
        const field = fields.get(name);
        if (!field) reader.skip();
        else if (!reader.takeNull()) value[name] = field.read(reader);
      });
      return value as Decoded<S>;
    },
  };
}

/** Most that a list may have: more tasks than a body of 4 MiB has room for, unless they are nearly empty. */
const MAX_ENTRIES = 50_000;

export function list<S extends Shape>(shape: S): Field<Decoded<S>[]> {
  const entry = object(shape);
  return {
    zero: () => [],
    read: (reader) => {
      const values: Decoded<S>[] = [];
      reader.list(() => {
        if (values.length >= MAX_ENTRIES) throw new ParseFault('too many entries');
        values.push(reader.takeNull() ? entry.zero() : entry.read(reader));
      });
      return values;
    },
  };
}

/**
 * Reads a body by the rules that clients of this API rely on: keys in whatever case, the last of several wins, unknown ones do not count;
 * null counts as missing, for the whole body as for a field; integers keep every digit. Keys of a shape are lower-case.
 * @throws ParseFault
 */
export function decode<S extends Shape>(bytes: Buffer | undefined, shape: S): Decoded<S> {
  const reader = new JsonReader(characters(bytes));
  const body = object(shape);
  const value = reader.takeNull() ? body.zero() : body.read(reader);
  reader.end();
  return value;
}

function characters(bytes: Buffer | undefined): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ParseFault('not UTF-8');
  }
}
