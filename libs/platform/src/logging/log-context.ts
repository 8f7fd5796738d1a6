import { AsyncLocalStorage } from 'node:async_hooks';

/** What every log line says about the work it belongs to. */
export interface LogContext {
  jobId?: string;
  taskId?: string;
  executionId?: string;
  client?: string;
  dialect?: string;
  requestId?: string;
}

const storage = new AsyncLocalStorage<LogContext>();

/** Runs `fn`; every line logged inside it, over awaits too, carries `fields` beside those of the contexts around it. */
export function withLogContext<T>(fields: LogContext, fn: () => T): T {
  return storage.run({ ...storage.getStore(), ...fields }, fn);
}

/** Adds to the innermost context, for what is learned on the way (a guard learns the client). Without a context nothing happens. */
export function addLogContext(fields: LogContext): void {
  const current = storage.getStore();
  if (current) Object.assign(current, fields);
}

export function logContext(): Readonly<LogContext> {
  return storage.getStore() ?? {};
}
