/** No list is this long; behind it numbers lose digits. */
const LAST_PAGE = 1_000_000_000;

/**
 * The page that a query asks for: 1 when it names none, the first when it names several. Undefined for what is no positive whole number.
 */
export function readPage(value: unknown): number | undefined {
  const text: unknown = Array.isArray(value) ? value[0] : value;
  if (text === undefined) return 1;
  if (typeof text !== 'string' || !/^\d+$/.test(text)) return undefined;
  const page = Number(text);
  return page === 0 ? undefined : Math.min(page, LAST_PAGE);
}
