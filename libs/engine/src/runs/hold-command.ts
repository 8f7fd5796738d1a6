import type { CommandRecord, RunRecord, Stores } from '@task-engine/database';

/** Thrown away with its transaction and done again: a run came to the command between two looks. */
export class RunsChanged extends Error {}

/** Looks at a command again, this many times at most: each time needs a retry or a firing at just that instant. */
const TRIES = 10;

export interface HeldCommand {
  command: CommandRecord;
  /** Runs that are not over; their jobs are locked. */
  open: (RunRecord & { shown: boolean })[];
}

/**
 * Locks a command with the jobs of its open runs. Jobs come first, as for a report that ends a run and then counts a retry of its command:
 * the other way round the two would wait for each other.
 * @throws RunsChanged: do the transaction again
 */
export async function holdCommand(stores: Stores, commandId: string): Promise<HeldCommand> {
  const before = await stores.runs.open(commandId);
  await stores.jobs.lockAll(before.map(({ jobId }) => jobId));
  const command = (await stores.commands.lock(commandId))!;
  const open = await stores.runs.open(commandId);
  const known = new Set(before.map(({ jobId }) => jobId));
  if (open.some(({ jobId }) => !known.has(jobId))) throw new RunsChanged('a run was added meanwhile');
  return { command, open };
}

/** Does work that holds a command, again when a run came between. */
export async function untilHeld<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RunsChanged) || attempt >= TRIES) throw error;
    }
  }
}
