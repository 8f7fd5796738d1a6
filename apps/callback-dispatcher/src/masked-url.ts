/** A URL for logs and errors: scheme, host and path as they are; values of the query masked, since they may be tokens. */
export function maskedUrl(text: string): string {
  if (!URL.canParse(text)) return '(not a URL)';
  const { protocol, host, pathname, searchParams } = new URL(text);
  const query = [...new Set(searchParams.keys())].map((name) => `${encodeURIComponent(name)}=****`).join('&');
  return `${protocol}//${host}${pathname}${query && `?${query}`}`;
}
