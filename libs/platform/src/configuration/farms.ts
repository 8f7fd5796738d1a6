import { z } from 'zod';

/** Hosts that containers run on. */
export interface Farm {
  /** Regular expression for the beginning of the names of tasks that it is for; empty: all. */
  match: string;
  /** `name:port` or `unix:///path` of a Docker-compatible engine. */
  hosts: string[];
  /** Executions at one time. */
  maxRunning: number;
}

/** Of a farm that names none (reference/fastlane.md section 4). */
const MAX_RUNNING = 10;
/** What upstream has when nothing is configured. */
const DEFAULT: Farm[] = [{ match: '', hosts: ['localhost:2375'], maxRunning: 2 }];

const HOST = /^(?:unix:\/\/\/\S+|(?:[a-z0-9._-]+|\[[0-9a-f:]+\]):\d{1,5})$/i;

const schema = z
  .array(
    z.object({
      match: z
        .string()
        .nullish()
        .transform((match) => match ?? '')
        .refine((match) => isPattern(match), 'match must be a regular expression'),
      hosts: z
        .array(z.string().regex(HOST, 'hosts must be name:port or unix:///path'))
        .min(1, 'hosts must name one at least'),
      maxRunning: z
        .int('maxRunning must be a whole number')
        .min(1, 'maxRunning must be at least 1')
        .max(100_000)
        .default(MAX_RUNNING),
    }),
  )
  .min(1, 'must hold one farm at least')
  .superRefine((farms, context) => {
    const all = farms.findIndex(({ match }) => match === '');
    if (all !== -1 && all < farms.length - 1)
      context.addIssue({ code: 'custom', message: 'the farm that matches all must be the last' });
    if (new Set(farms.map(({ match }) => match)).size < farms.length)
      context.addIssue({ code: 'custom', message: 'two farms have the same match' });
  });

/** `[{"match":"","hosts":["localhost:2375"],"maxRunning":2}]`, as fastlane has it. */
export function farms(meaning: string) {
  return z
    .string()
    .transform((text, context): Farm[] => {
      const parsed = schema.safeParse(parse(text));
      if (parsed.success) return parsed.data;
      for (const issue of parsed.error.issues)
        context.addIssue({ code: 'custom', message: `${issue.path.join('.')} ${issue.message}`.trim() });
      return z.NEVER;
    })
    .default(DEFAULT)
    .describe(meaning);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}
