/** What container engines refuse to go below. */
export const MIN_MEMORY_BYTES = 6 * 1024 * 1024;

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes of a whole number or of a text like `256m`, `1g`, `512k`; undefined for anything else and for less than 6 MB. */
export function readMemorySize(value: unknown): number | undefined {
  const [, digits, unit = ''] =
    /^(\d{1,16})([bkmg]?)$/i.exec(typeof value === 'number' ? String(value) : text(value)) ?? [];
  if (digits === undefined) return undefined;
  const bytes = Number(digits) * UNITS[unit.toLowerCase()]!;
  return bytes >= MIN_MEMORY_BYTES && Number.isSafeInteger(bytes) ? bytes : undefined;
}

const text = (value: unknown) => (typeof value === 'string' ? value : '');
