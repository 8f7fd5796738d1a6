import { type JsonObject, TaskFailure } from '@task-engine/domain';
import type { PullSteps } from '@task-engine/engine';
import { z } from 'zod';
import type { Executor } from './executor';
import { handler } from './handler';
import type { PullStepWatch } from './pull-step-watch';

const schema = z.object({
  project: z.string().min(1),
  /** What the worker gets, as JSON. */
  inputs: z.record(z.string(), z.unknown()).default({}),
  priority: z.number().int().min(-32_768).max(32_767).default(0),
  max_retries: z.number().int().min(0).max(32_767).default(3),
  max_assign_time: z.number().int().min(0).max(2_147_483_647).default(0),
  verification_count: z.number().int().min(1).max(32_767).default(1),
});

/** Why a lease ends although its step goes on elsewhere: the pull task stays for whoever takes the step over. */
const GOES_ON = ['shutdown', 'lease lost', 'unreachable'];

/**
 * `pull`: the step becomes a task of a project, for workers that pull over HTTP (reference/task-tracker.md), and ends when they are done
 * with it. Its recipe is the step's inputs as JSON. A step that is taken over by another worker of ours goes on with the same task.
 */
export function pullExecutor(steps: PullSteps, watch: PullStepWatch): Executor {
  const pull = handler('pull', schema, async (given, context): Promise<JsonObject> => {
    const { project, inputs, priority, max_retries, max_assign_time, verification_count } = given;
    const made = await steps.begin(context.taskId, project, {
      recipe: JSON.stringify(inputs),
      priority,
      maxRetries: max_retries,
      maxAssignSeconds: BigInt(max_assign_time),
      hash: null,
      verifications: verification_count,
    });
    if (!made) throw new TaskFailure(`pull: there is no project '${project}'`, { retryable: false });
    context.log('INFO', `waiting for a worker of project '${project}'`);
    const over = await watch.over(context.taskId, context.signal);
    if (context.signal.aborted) {
      if (!GOES_ON.includes(context.signal.reason as string)) await steps.cancel(context.taskId);
      return {};
    }
    if (!over) throw new TaskFailure(`pull: its task was removed from project '${project}'`, { retryable: false });
    if (over.state === 'failed') throw new TaskFailure(`pull: ${over.error ?? 'failed'}`, { retryable: false });
    return { task: over.id };
  });
  return {
    ...pull,
    withoutFiles: true,
    async execute(context) {
      const output = await pull.execute(context);
      context.signal.throwIfAborted();
      return output;
    },
  };
}
