const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * Seconds that a reply asks to wait (RFC 9110, 10.2.3: a number of seconds or a date), at least 1; null when it does not ask or the
 * value is neither. A date is compared with the reply's own `Date` where it has one, so the endpoint's clock may be wrong.
 */
export function retryAfterSeconds(headers: Record<string, string>, now = new Date()): number | null {
  const value = headers['retry-after']?.trim() ?? '';
  if (/^\d{1,10}$/.test(value)) return Math.max(1, Number(value));
  if (!HTTP_DATE.test(value)) return null;
  const until = Date.parse(value);
  const from = Date.parse(headers.date ?? '') || now.getTime();
  return Number.isNaN(until) ? null : Math.max(1, (until - from) / 1_000);
}
