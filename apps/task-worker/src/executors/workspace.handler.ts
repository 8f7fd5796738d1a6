import { rm } from 'node:fs/promises';
import { z } from 'zod';
import type { Executor } from './executor';
import { handler } from './handler';

/** `workspace.remove`: the last task of a workflow. Removing what is gone already is fine. */
export function workspaceHandler(): Executor {
  return handler('builtin:workspace.remove', z.object({}), async (_, context) => {
    await rm(context.workDir, { recursive: true, force: true });
    return {};
  });
}
