/** Whether an Accept-Encoding wants gzip: by its name or by `*`, and not with q=0 (RFC 9110 12.5.3). */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  let any = false;
  for (const entry of String(header ?? '').split(',')) {
    const [coding = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    const wanted = Number(quality) > 0;
    if (coding === 'gzip' || coding === 'x-gzip') return wanted;
    if (coding === '*') any = wanted;
  }
  return any;
}
