import type { DockerPrograms } from './docker-programs';

/** What the global setup has found out, for every worker of the jest run. */
export type ContainerTests =
  /** `root`: a folder for the engines' data, removed at the end of the run. */
  { programs: DockerPrograms; root: string } | { missing: string };

const VARIABLE = 'TASK_ENGINE_CONTAINER_TESTS';

export function announceContainerTests(tests: ContainerTests): void {
  process.env[VARIABLE] = JSON.stringify(tests);
}

/** @throws Error outside the project `containers`, which has the global setup. */
export function containerTests(): ContainerTests {
  const text = process.env[VARIABLE];
  if (!text) throw new Error('There is no container engine here: only tests of the project containers have one.');
  return JSON.parse(text) as ContainerTests;
}

/** `describe` where an engine can start; elsewhere its tests are shown as skipped, and the global setup has said why. */
export function describeWithEngine(name: string, tests: () => void): void {
  if ('missing' in containerTests()) describe.skip(name, tests);
  else describe(name, tests);
}
