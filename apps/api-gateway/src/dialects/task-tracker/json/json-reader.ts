import { MAX_DEPTH } from '../../../http/json-text';

/** A body that cannot be read. */
export class ParseFault extends Error {}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const NEEDS_UNESCAPING = /[\\\u0000-\u001f]/;
const QUOTE = '"';

/**
 * Reads JSON piece by piece, whoever reads decides what a piece must be. JSON.parse would round integers beyond 2^53 and tell `1` and
 * `1.0` apart no longer.
 */
export class JsonReader {
  private position = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  /** Takes a null, if that is what comes. */
  takeNull(): boolean {
    return this.takeWord('null');
  }

  flag(): boolean {
    if (this.takeWord('true')) return true;
    if (this.takeWord('false')) return false;
    throw new ParseFault('not a boolean');
  }

  /** A number as it is written. */
  number(): string {
    this.skipBlanks();
    NUMBER.lastIndex = this.position;
    const literal = NUMBER.exec(this.text)?.[0];
    if (literal === undefined) throw new ParseFault('not a number');
    this.position += literal.length;
    return literal;
  }

  string(): string {
    if (this.peek() !== QUOTE) throw new ParseFault('not a string');
    const start = this.position;
    this.position = this.endOfString(start + 1);
    const inner = this.text.slice(start + 1, this.position - 1);
    if (!NEEDS_UNESCAPING.test(inner)) return inner;
    try {
      return JSON.parse(this.text.slice(start, this.position)) as string;
    } catch {
      throw new ParseFault('a malformed string');
    }
  }

  /** @param readValue has to take the value of the key */
  object(readValue: (key: string) => void): void {
    this.open('{');
    if (!this.takeMark('}')) {
      do {
        const key = this.string();
        if (!this.takeMark(':')) throw new ParseFault('no colon');
        readValue(key);
      } while (this.takeMark(','));
      if (!this.takeMark('}')) throw new ParseFault('an object without an end');
    }
    this.depth -= 1;
  }

  /** @param readEntry has to take one entry */
  list(readEntry: () => void): void {
    this.open('[');
    if (!this.takeMark(']')) {
      do readEntry();
      while (this.takeMark(','));
      if (!this.takeMark(']')) throw new ParseFault('a list without an end');
    }
    this.depth -= 1;
  }

  /** Takes a value of any kind that nobody asks for. */
  skip(): void {
    const next = this.peek();
    if (next === '{') this.object(() => this.skip());
    else if (next === '[') this.list(() => this.skip());
    else if (next === QUOTE) this.string();
    else if (next === 't' || next === 'f') this.flag();
    else if (!this.takeNull()) this.number();
  }

  /** Nothing but blanks may be left. */
  end(): void {
    this.skipBlanks();
    if (this.position < this.text.length) throw new ParseFault('something behind the end');
  }

  private open(mark: '{' | '['): void {
    if (!this.takeMark(mark)) throw new ParseFault(`no ${mark}`);
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new ParseFault('nested too deeply');
  }

  private peek(): string {
    this.skipBlanks();
    return this.text.charAt(this.position);
  }

  private takeMark(mark: string): boolean {
    if (this.peek() !== mark) return false;
    this.position += 1;
    return true;
  }

  private takeWord(word: string): boolean {
    this.skipBlanks();
    if (!this.text.startsWith(word, this.position)) return false;
    this.position += word.length;
    return true;
  }

  private skipBlanks(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.position += 1;
    }
  }

  /** Where the string that began before `from` is over: behind the first quote with an even number of backslashes before it. */
  private endOfString(from: number): number {
    let quote = from - 1;
    for (;;) {
      quote = this.text.indexOf(QUOTE, quote + 1);
      if (quote < 0) throw new ParseFault('a string without an end');
      let first = quote;
      while (first > from && this.text[first - 1] === '\\') first -= 1;
      if ((quote - first) % 2 === 0) return quote + 1;
    }
  }
}
