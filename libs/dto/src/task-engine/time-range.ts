const TIME = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+ -]\d{2}:?\d{2})?)?$/i;

export interface TimeSpan {
  start: Date;
  /** First moment after what the text names: a day, a minute, a second or a millisecond. */
  end: Date;
}

/**
 * The span that a date (`2024-01-31`), a time (`2024-01-31T10:00:00`, `...10:00:00.000`, with or without Z or an offset; UTC without)
 * names, so that an inclusive bound takes in all of it: rows are stored more finely than they are shown. Undefined for anything else,
 * dates that do not exist included. A blank stands for the plus of an offset: that is what an unescaped one in a query arrives as.
 */
export function dayOrInstant(text: string): TimeSpan | undefined {
  const match = TIME.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((group) => Number(match[group] ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // JavaScript rolls 30 February over into March
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = offsetMinutes(match[8]);
  if (offset === undefined) return undefined;
  const milliseconds = match[7] === undefined ? 0 : Math.floor(Number(`0.${match[7]}`) * 1000 + 1e-6);
  const start = date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + milliseconds;
  const precision =
    match[4] === undefined ? 86_400_000 : match[6] === undefined ? 60_000 : match[7] === undefined ? 1_000 : 1;
  return { start: new Date(start), end: new Date(start + precision) };
}

function offsetMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const digits = zone.slice(1).replace(':', '');
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
