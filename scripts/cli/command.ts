import type { ParseArgsConfig } from 'node:util';
import type { Database } from '@task-engine/database';

export interface Invocation {
  database: Database;
  positionals: string[];
  values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  print: (line: string) => void;
}

export interface Command {
  /** As typed after `npm run cli --`. */
  usage: string;
  /** One line for the help. */
  does: string;
  options?: ParseArgsConfig['options'];
  run(invocation: Invocation): Promise<void>;
}

/** The words of the command line are off; the message says how they should be. */
export class UsageError extends Error {}

/** The one word that a command needs. */
export function only(invocation: Invocation, usage: string): string {
  const [word, ...rest] = invocation.positionals;
  if (!word || rest.length > 0) throw new UsageError(`Usage: npm run cli -- ${usage}`);
  return word;
}

/** Ids of rows, at least one. */
export function ids(invocation: Invocation, usage: string): string[] {
  if (invocation.positionals.length === 0) throw new UsageError(`Usage: npm run cli -- ${usage}`);
  for (const id of invocation.positionals) {
    if (!/^[1-9]\d{0,17}$/.test(id)) throw new UsageError(`Not an id: ${id}`);
  }
  return invocation.positionals;
}

/** Columns aligned, the first row as the head. */
export function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A time as an operator reads it: UTC to the second. */
export function time(date: Date | null): string {
  return date ? `${date.toISOString().slice(0, 19).replace('T', ' ')}Z` : '-';
}
