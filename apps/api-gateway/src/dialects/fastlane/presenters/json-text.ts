import { LongText } from '@task-engine/engine';
import type { Part } from './joined';

/**
 * JSON as the dialect's clients get it: keys sorted, ASCII only, a newline at the end; compact, or indented by two blanks. Written here
 * since JSON.stringify puts keys that look like numbers first, whatever order they were given in.
 * @returns a text; in parts when there is one in it that is too long to be held
 */
export function jsonParts(value: unknown, { pretty = false } = {}): Part[] {
  const parts: Part[] = [];
  let text = '';
  for (const part of write(value, pretty ? '\n' : '')) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    parts.push(escapeNonAscii(text), { parts: () => within(part) });
    text = '';
  }
  return [...parts, `${escapeNonAscii(text)}\n`];
}

/** Of what has no long texts in it. */
export function jsonText(value: unknown, options?: { pretty?: boolean }): string {
  return jsonParts(value, options).join('');
}

/** What stands between the quotes. */
async function* within(text: LongText): AsyncGenerator<string> {
  for await (const part of text.parts()) yield escapeNonAscii(JSON.stringify(part).slice(1, -1));
}

/** @param line what stands between two entries beside the comma: a line break and the indentation, or nothing */
function* write(value: unknown, line: string): Generator<string | LongText> {
  if (value instanceof LongText) {
    yield* ['"', value, '"'];
    return;
  }
  if (typeof value !== 'object' || value === null) {
    yield JSON.stringify(value) ?? 'null';
    return;
  }
  const inner = line && `${line}  `;
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((entry: unknown) => ['', entry])
    : Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, entry]) => [`${JSON.stringify(key)}:${line && ' '}`, entry]);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (entries.length === 0) {
    yield `${open}${close}`;
    return;
  }
  let before = `${open}${inner}`;
  for (const [key, entry] of entries) {
    yield before + key;
    yield* write(entry, inner);
    before = `,${inner}`;
  }
  yield `${line}${close}`;
}

function escapeNonAscii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
