import { TaskFailure, type JsonObject } from '@task-engine/domain';
import { z } from 'zod';
import type { ExecutionContext, Executor } from './executor';

/**
 * An executor whose arguments are read through a schema. Arguments come from a workflow definition, so a wrong one is a fault of the
 * definition: final, and named.
 */
export function handler<Schema extends z.ZodType>(
  uses: string,
  schema: Schema,
  run: (given: z.output<Schema>, context: ExecutionContext) => Promise<JsonObject>,
): Executor {
  return {
    uses,
    async execute(context) {
      throwIfAborted(context.signal);
      const parsed = schema.safeParse(context.arguments);
      if (!parsed.success) throw new TaskFailure(`${uses}: ${faults(parsed.error)}`, { retryable: false });
      try {
        return await run(parsed.data, context);
      } catch (error) {
        // What breaks while everything is being stopped is a consequence of the stop.
        throwIfAborted(context.signal);
        throw error;
      }
    },
  };
}

function faults(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'with'}: ${issue.message}`).join('; ');
}

/** Rejects with the reason of the abort, which says who stopped the execution and why. */
export function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw signal.reason instanceof Error ? signal.reason : new Error('execution stopped');
}
