import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { TaskFailure, type JsonObject } from '@task-engine/domain';
import { z } from 'zod';
import type { Executor } from './executor';
import { handler, throwIfAborted } from './handler';
import { limitLines } from './line-splitter';
import { ProgramNotFound, runProcess, type ProcessResult } from './process-group';
import { inWorkDir } from './work-files';

/** Most bytes of stdout read as JSON: a task output is a database row. */
const MAX_JSON_BYTES = 1024 * 1024;

const schema = z.object({
  argv: z.tuple([z.string().min(1)], z.union([z.string(), z.number()]).transform(String)),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).optional(),
  output: z.enum(['json', 'none']).default('none'),
  files: z.array(z.string().min(1)).default([]),
});

/**
 * `command`: one program without a shell, in the job's work folder. Both outputs go to the job log line by line. Only programs of the
 * allow list run; an entry allows exactly the text a definition writes (`ffmpeg` does not allow `/tmp/ffmpeg`).
 */
export function commandExecutor(allowedCommands: readonly string[]): Executor {
  return handler('command', schema, async ({ argv, env, output, files }, context) => {
    const program = argv[0];
    if (!allowedCommands.includes(program)) {
      throw new TaskFailure(`Command not allowed: ${program}`, { retryable: false });
    }
    let lastError = '';
    const logOut = limitLines((line) => context.log('INFO', line));
    const logError = limitLines((line) => context.log('WARN', line));
    const result = await runProcess({
      argv,
      cwd: context.workDir,
      environment: env,
      signal: context.signal,
      keepStdoutBytes: output === 'json' ? MAX_JSON_BYTES : 0,
      onStdoutLine: logOut,
      onStderrLine: (line) => {
        lastError = line;
        return logError(line);
      },
    }).catch((error: unknown) => {
      throw error instanceof ProgramNotFound
        ? new TaskFailure(error.message, { retryable: false, cause: error })
        : error;
    });
    throwIfAborted(context.signal);
    failUnlessSuccess(basename(program), result, lastError);
    for (const file of files) {
      const size = await stat(inWorkDir(context.workDir, file)).then(
        (entry) => (entry.isFile() ? entry.size : 0),
        () => 0,
      );
      if (size === 0) throw new TaskFailure(`${context.taskName}: no output`, { retryable: false });
    }
    return output === 'json' ? readJson(context.taskName, result) : {};
  });
}

function failUnlessSuccess(program: string, result: ProcessResult, lastError: string): void {
  if (result.exitCode === 0) return;
  const how = result.exitSignal ? `was killed by ${result.exitSignal}` : `failed with exit code ${result.exitCode}`;
  throw new TaskFailure(`${program} ${how}${lastError ? `: ${lastError}` : ''}`);
}

function readJson(taskName: string, result: ProcessResult): JsonObject {
  if (result.stdoutTruncated) throw new TaskFailure(`${taskName}: output is larger than 1 MB`, { retryable: false });
  try {
    const value: unknown = JSON.parse(result.stdout.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Falls through: the same message for no JSON and for JSON that is no object.
  }
  throw new TaskFailure(`${taskName}: output is not a JSON object`, { retryable: false });
}
