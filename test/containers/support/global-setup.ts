import { rmSync } from 'node:fs';
import startServers from '../../support/global-setup';
import { temporaryFolder } from '../../support/test-servers';
import { announceContainerTests } from './container-tests';
import { dockerPrograms } from './docker-programs';
import { TestEngine } from './test-engine';

/** For the teardown, which is another module instance of the same process. */
export const holder = globalThis as { taskEngineContainerRoot?: string };

/** Finds or gets a container engine and tries once whether it starts here; a machine where it does not skips the tests, and says so. */
export default async function globalSetup(): Promise<void> {
  await startServers();
  const missing = await prepare();
  if (missing === undefined) return;
  announceContainerTests({ missing });
  const line = '#'.repeat(100);
  process.stderr.write(
    `\n${line}\n#\n#   NO TEST OF REAL CONTAINERS RUNS HERE: ${missing}\n` +
      `#   The Docker executor is NOT tested by this run.\n#\n${line}\n\n`,
  );
}

/** @returns why there is no engine */
async function prepare(): Promise<string | undefined> {
  const programs = await dockerPrograms(process.env);
  if (typeof programs === 'string') return programs;
  const root = temporaryFolder('containers');
  holder.taskEngineContainerRoot = root;
  announceContainerTests({ programs, root });
  try {
    const engine = await TestEngine.start();
    await engine.stop();
    return undefined;
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    return error instanceof Error ? error.message : String(error);
  }
}
