/** Path and query (with its mark) of a request line, which may hold a whole URL. */
export function splitAddress(url: string): { path: string; query: string } {
  const relative = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  const end = relative.search(/[?#]/);
  const path = end < 0 ? relative : relative.slice(0, end);
  const query = end < 0 || relative[end] === '#' ? '' : relative.slice(end).split('#', 1)[0]!;
  return { path: path === '' ? '/' : path, query };
}

/** Undefined for what is no UTF-8. */
export function decodePart(part: string): string | undefined {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
