import { z } from 'zod';

/** Variables as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigurationFault {
  /** Name of the variable. */
  variable: string;
  /** What is wrong with it; never its value. */
  message: string;
}

/** Carries every fault of a configuration at once, by name of variable and never by value. */
export class ConfigurationError extends Error {
  constructor(readonly faults: readonly ConfigurationFault[]) {
    super(
      `The configuration cannot be used:\n${faults.map(({ variable, message }) => `  ${variable} ${message}`).join('\n')}`,
    );
    this.name = 'ConfigurationError';
  }
}

/**
 * Reads the variables that `schema` names. An empty or blank variable counts as unset (compose files and manifests pass those on);
 * variables that the schema does not know are ignored.
 * @throws ConfigurationError
 */
export function loadConfiguration<S extends z.ZodObject>(schema: S, env: Environment): z.output<S> {
  const set = Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== '');
  const result = schema.safeParse(Object.fromEntries(set));
  if (result.success) return result.data;
  const faults = new Map<string, ConfigurationFault>();
  for (const issue of result.error.issues) {
    const variable = String(issue.path[0] ?? 'configuration');
    const missing = issue.code === 'invalid_type' && env[variable]?.trim() === undefined;
    if (!faults.has(variable)) faults.set(variable, { variable, message: missing ? 'must be set' : issue.message });
  }
  throw new ConfigurationError([...faults.values()].sort((a, b) => a.variable.localeCompare(b.variable)));
}

/** For an app's main.ts: as `loadConfiguration`, but faults go to stderr in plain words and end the process with exit code 1. */
export function configurationOrExit<S extends z.ZodObject>(schema: S, env: Environment): z.output<S> {
  try {
    return loadConfiguration(schema, env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\nSee docs/configuration.md.\n`);
    process.exit(1);
  }
}
