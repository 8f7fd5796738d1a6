/**
 * JSON as the dialect's clients get it: keys sorted, ASCII only, a newline at the end; compact, or indented by two blanks. Written here
 * since JSON.stringify puts keys that look like numbers first, whatever order they were given in.
 */
export function jsonText(value: unknown, { pretty = false } = {}): string {
  return `${escapeNonAscii(write(value, pretty ? '\n' : ''))}\n`;
}

/** @param line what stands between two entries beside the comma: a line break and the indentation, or nothing */
function write(value: unknown, line: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const inner = line && `${line}  `;
  const entries = Array.isArray(value)
    ? value.map((entry) => write(entry, inner))
    : Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, entry]) => `${JSON.stringify(key)}:${line && ' '}${write(entry, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return entries.length === 0 ? `${open}${close}` : `${open}${inner}${entries.join(`,${inner}`)}${line}${close}`;
}

function escapeNonAscii(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
