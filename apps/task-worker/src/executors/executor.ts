import type { JsonObject } from '@task-engine/domain';
import type { ExecutionCause } from '@task-engine/database';
import type { ClientConfiguration } from '@task-engine/workflows';

/** Ruby Logger numbering, as the job log of the Task Engine API shows it (`severity`). */
export type LogSeverity = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

/** Everything one try of a task may see. One instance per execution. */
export interface ExecutionContext {
  readonly jobId: string;
  readonly taskId: string;
  readonly executionId: string;
  /** Why it runs: the first time, a retry, after a lost lease, or handed back by another worker. */
  readonly cause: ExecutionCause;
  /** Names the lease in what is written on the way. */
  readonly token: string;
  readonly taskName: string;
  readonly workflow: string;
  readonly client: string;
  readonly clientConfiguration: ClientConfiguration;
  /** 1 for the first try; counts failed tries of this task over all processes, not lost leases. */
  readonly attempt: number;
  /** Arguments of the task (`with`), templates already rendered. */
  readonly arguments: JsonObject;
  /** Exists (unless the executor is `withoutFiles`) and is shared by all tasks of this job; removed when the job is done or broken. */
  readonly workDir: string;
  /** Aborted when the job is broken, the lease is lost, the task's time limit passed or the process shuts down. */
  readonly signal: AbortSignal;
  /** Runs when PostgreSQL knows the result: what would be missed by a further try can go now. */
  onReported(cleanUp: () => Promise<void>): void;
  /** Appends a row to the job log (batched; order kept). Never pass a secret. */
  log(severity: LogSeverity, message: string): void;
}

/**
 * Runs one kind of work. Resolves with the task's output (stored, visible to later tasks as `tasks.<name>.output`).
 * Throws TaskFailure for a failed try; when `signal` aborts it stops everything it started and rejects.
 */
export interface Executor {
  /** What `uses` names: `builtin:<handler>`, `command` or `http`. */
  readonly uses: string;
  /** Touches no files: its tasks are spared a work folder. */
  readonly withoutFiles?: true;
  execute(context: ExecutionContext): Promise<JsonObject>;
}
