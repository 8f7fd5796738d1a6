/** A URL as it may stand in a log or a message: without credentials, and without the query, where signed URLs keep their token. */
export function shownUrl(text: string): string {
  try {
    const url = new URL(text);
    return `${url.protocol}//${url.host}${url.pathname}${url.search ? '?...' : ''}`;
  } catch {
    return text;
  }
}
