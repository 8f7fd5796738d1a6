import { z } from 'zod';

/**
 * Building blocks of the configuration schemas. Every field takes its meaning (with its unit) as text: docs/configuration.md is
 * written from it. Messages never repeat a value, since a value may be a secret.
 */

/** Whole number written in decimal. */
export function integer(meaning: string, limits: { min: number; max: number; default: number }) {
  return z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(limits.min, `must be at least ${limits.min}`).max(limits.max, `must be at most ${limits.max}`))
    .default(limits.default)
    .describe(meaning);
}

/** Number written in decimal, fractions allowed. */
export function decimal(meaning: string, limits: { min: number; max: number; default: number }) {
  return z
    .string()
    .regex(/^\d{1,15}(\.\d{1,9})?$/, 'must be a number')
    .transform(Number)
    .pipe(z.number().min(limits.min, `must be at least ${limits.min}`).max(limits.max, `must be at most ${limits.max}`))
    .default(limits.default)
    .describe(meaning);
}

/** TCP port; 0 takes a free one. */
export function port(meaning: string, standard: number) {
  return integer(meaning, { min: 0, max: 65_535, default: standard });
}

export function flag(meaning: string, standard: boolean) {
  return z
    .enum(['true', 'false', '1', '0', 'yes', 'no'], 'must be true or false')
    .transform((value) => ['true', '1', 'yes'].includes(value))
    .default(standard)
    .describe(meaning);
}

export function text(meaning: string, standard: string) {
  return z.string().default(standard).describe(meaning);
}

export function optionalText(meaning: string) {
  return z.string().optional().describe(meaning);
}

/** Comma-separated; blanks around entries and empty entries are dropped. */
export function list(meaning: string) {
  return z
    .string()
    .transform((value) => splitList(value))
    .default([])
    .describe(meaning);
}

/** `name:slots` pairs; slots from 1 to 1024. */
export function queueList(meaning: string) {
  return z
    .string()
    .transform((value, context) =>
      splitList(value).map((entry, index) => {
        const [, queue, slots] = /^([a-z][a-z0-9_]{0,62}):(\d{1,4})$/.exec(entry) ?? [];
        if (queue === undefined || Number(slots) < 1 || Number(slots) > 1024) {
          context.addIssue({ code: 'custom', message: `entry ${index + 1} must be name:slots, with 1 to 1024 slots` });
          return z.NEVER;
        }
        return { queue, slots: Number(slots) };
      }),
    )
    .default([])
    .describe(meaning);
}

/** One of a closed set of words. */
export function choice<const T extends [string, ...string[]]>(meaning: string, values: T, standard: T[number]) {
  return z
    .enum(values, `must be one of ${values.join(', ')}`)
    .default(standard as never)
    .describe(meaning);
}

/** URL with one of the given schemes (`postgres:` ...). */
export function url(meaning: string, schemes: readonly string[]) {
  const names = schemes.map((scheme) => `${scheme}//`).join(' or ');
  return z
    .string('must be set')
    .refine(
      (value) => URL.canParse(value) && schemes.includes(new URL(value).protocol),
      `must be a URL that starts with ${names}`,
    )
    .describe(meaning);
}

/** As `url`, for a server that something else stands in for when it is unset. */
export function optionalUrl(meaning: string, schemes: readonly string[]) {
  return url(meaning, schemes).optional().describe(meaning);
}

export function splitList(value: string): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
