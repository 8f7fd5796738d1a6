import { resolve } from 'node:path';
import type { Database } from '@task-engine/database';
import type { Log, WorkerConfiguration } from '@task-engine/platform';
import { HostRuntime } from './host.runtime';
import type { ContainerRuntime } from './runtime';

/** What this worker runs commands with. */
export async function createRuntime(
  configuration: WorkerConfiguration,
  _database: Database,
  log: Log,
): Promise<ContainerRuntime> {
  await Promise.resolve();
  const runtime = new HostRuntime(resolve(configuration.DATA_DIR, 'runs'));
  log.info({ executor: runtime.kind }, 'commands run as processes of this worker');
  return runtime;
}
