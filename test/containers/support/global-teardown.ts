import { rmSync } from 'node:fs';
import stopServers from '../../support/global-teardown';
import { holder } from './global-setup';

/** The engines themselves have ended with the processes that started them (test-engine.ts), however those ended. */
export default async function globalTeardown(): Promise<void> {
  if (holder.taskEngineContainerRoot) rmSync(holder.taskEngineContainerRoot, { recursive: true, force: true });
  await stopServers();
}
