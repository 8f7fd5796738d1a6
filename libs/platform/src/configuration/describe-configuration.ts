import type { z } from 'zod';

export interface VariableDescription {
  variable: string;
  meaning: string;
  required: boolean;
  /** As it would be written in the environment; undefined when there is none. */
  standard: string | undefined;
}

/** What the documentation and the checks of manifests need to know of a schema. */
export function describeConfiguration(schema: z.ZodObject): VariableDescription[] {
  return Object.entries(schema.shape).map(([variable, field]) => {
    const { type, defaultValue } = (field as z.ZodType).def as { type: string; defaultValue?: Standard };
    const meaning = (field as z.ZodType).description ?? '';
    return { variable, meaning, required: type !== 'default' && type !== 'optional', standard: written(defaultValue) };
  });
}

type Standard = string | number | boolean | undefined | (string | Record<string, unknown>)[];

function written(value: Standard): string | undefined {
  if (!Array.isArray(value)) return value === undefined ? undefined : String(value);
  // what is written as JSON
  if (value.some((entry) => typeof entry === 'object' && Object.values(entry).some((part) => typeof part !== 'string')))
    return JSON.stringify(value);
  const entries = value.map((entry) => (typeof entry === 'string' ? entry : Object.values(entry).join(':')));
  return entries.length === 0 ? undefined : entries.join(',');
}
