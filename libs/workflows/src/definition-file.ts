import { parse } from 'yaml';
import { z } from 'zod';
import type { JsonObject } from '@task-engine/domain';

const json = z.json();
const map = z.record(z.string(), json);
const name = z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be snake_case');
const taskName = z
  .string()
  .regex(
    /^([a-z][a-z0-9_]*|[a-z0-9_]*\$\{index\}[a-z0-9_]*)$/,
    'must be snake_case (with ${index} in a repeated task)',
  );
/** Seconds. A timer of Node holds 2^31 - 1 milliseconds, not quite 25 days. */
const seconds = z.number().min(0).max(2_147_483);
/** Queues of the suite itself, which carry no executions. */
const OWN_QUEUES = ['controller', 'callback', 'scheduler'];
const queueName = name.refine((value) => !OWN_QUEUES.includes(value), `must not be one of ${OWN_QUEUES.join(', ')}`);

const task = z.strictObject({
  name: taskName,
  uses: z.string(),
  needs: z.array(z.string()).optional(),
  queue: queueName.optional(),
  when: z.union([z.string(), z.boolean()]).optional(),
  with: map.optional(),
  retries: z
    .strictObject({ limit: z.number().int().min(0).max(1000).optional(), delay: seconds.optional() })
    .optional(),
  timeout: seconds.optional(),
  always: z.boolean().optional(),
  repeat: z.union([z.string(), z.number()]).optional(),
});

const callbacks = z.strictObject({
  headers: z
    .record(z.string(), z.string())
    .refine((headers) => Object.keys(headers).every((key) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key)), {
      error: 'must have header names as keys',
    })
    .optional(),
  verify_tls: z.boolean().optional(),
  timeout: z.number().positive().max(300).optional(),
  endpoints: z.array(z.url({ protocol: /^https?$/ })).optional(),
  task: z.strictObject({ body: map.optional() }).optional(),
  job: z.strictObject({ body: map.optional(), on_failure: map.optional() }).optional(),
});

const rule = z.strictObject({
  when: z.string(),
  error: z.string(),
  code: z.enum(['invalid_parameter', 'not_supported', 'not_configured']).optional(),
});

const shared = {
  workflow: name.optional(),
  version: z.number().int().min(1).optional(),
  description: z.string().optional(),
  aliases: z.record(z.string(), z.string()).optional(),
  parameters: map.optional(),
  rules: z.array(rule).optional(),
  requires: z.array(z.string()).optional(),
  schedule: z.strictObject({ uses: z.string(), with: map.optional() }).optional(),
  callbacks: callbacks.optional(),
  timeout: seconds.optional(),
};

const whole = z.strictObject({
  ...shared,
  workflow: name,
  version: z.number().int().min(1),
  extends: z.enum(['none', 'common']).optional(),
  tasks: z.array(task).min(1),
});

const override = z.strictObject({
  ...shared,
  extends: z.literal('common').optional(),
  tasks: z
    .array(
      z.strictObject({
        ...task.partial().shape,
        name: taskName,
        remove: z.literal(true).optional(),
        after: z.string().optional(),
      }),
    )
    .optional(),
});

/** A task as a definition file states it; `needs` is filled in by explicitNeeds. */
export type TaskFile = z.infer<typeof task>;
export type DefinitionFile = z.infer<typeof whole>;
export type OverrideFile = z.infer<typeof override>;

/** A definition file that cannot be used; `faults` holds one line each. */
export class DefinitionFault extends Error {
  override readonly name = 'DefinitionFault';

  constructor(readonly faults: string[]) {
    super(faults.join('; '));
  }
}

/** Parses YAML (JSON is YAML) into plain data. Throws DefinitionFault. */
export function parseDefinitionText(text: string): JsonObject {
  let content: unknown;
  try {
    content = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new DefinitionFault([(error as Error).message.split('\n')[0] ?? 'not YAML']);
  }
  return check(map, content);
}

/** A definition that stands alone. Throws DefinitionFault. */
export function readDefinition(content: unknown): DefinitionFile {
  return check(whole, content);
}

/** What a client changes of a common definition. Throws DefinitionFault. */
export function readOverride(content: unknown): OverrideFile {
  return check(override, content);
}

function check<T>(schema: z.ZodType<T>, content: unknown): T {
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  throw new DefinitionFault(
    result.error.issues.map((issue) => `${issue.path.map(String).join('.') || 'file'}: ${issue.message}`),
  );
}
