/**
 * A job's id in its one form, from whatever form of a UUID of any version: without hyphens, in upper case, in braces, as a URN. Undefined
 * for anything else.
 */
export function readJobUuid(text: string): string | undefined {
  const digits = text
    .replace(/^urn:/i, '')
    .replace(/^uuid:/i, '')
    .replace(/^\{(.*)\}$/, '$1')
    .replaceAll('-', '')
    .toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
