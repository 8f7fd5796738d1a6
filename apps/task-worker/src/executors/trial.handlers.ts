import { setTimeout as wait } from 'node:timers/promises';
import { TaskFailure } from '@task-engine/domain';
import { z } from 'zod';
import type { Executor } from './executor';
import { handler, throwIfAborted } from './handler';

/** The handlers of the trial workflows (noop, sleep, fail, flaky, steps) and the rule check every definition may use. */
export function trialHandlers(): Executor[] {
  const handlers = [
    handler('builtin:noop', z.object({}), async () => ({})),

    handler('builtin:sleep', z.object({ seconds: z.number().min(0).max(3600) }), async ({ seconds }, { signal }) => {
      // The timer's own AbortError says nothing about who stopped it; throwIfAborted does.
      await wait(seconds * 1000, undefined, { signal }).catch(() => throwIfAborted(signal));
      return {};
    }),

    handler('builtin:fail', z.object({ message: z.string() }), async ({ message }) => {
      throw new TaskFailure(message);
    }),

    handler('builtin:flaky', z.object({ failures: z.number().int().min(0) }), async ({ failures }, { attempt }) => {
      if (attempt <= failures) throw new TaskFailure(`try ${attempt} of ${failures} failed`);
      return {};
    }),

    handler(
      'builtin:fail_if',
      z.object({ condition: z.unknown(), message: z.string() }),
      async ({ condition, message }) => {
        if (condition) throw new TaskFailure(message, { retryable: false });
        return {};
      },
    ),
  ];
  return handlers.map((executor) => ({ ...executor, withoutFiles: true }));
}
