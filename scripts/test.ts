import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mediaTools } from './local/media-tools';
import { packageRoot } from './local/package-root';
import { ConsoleProgress } from './local/progress';

/** What of jest's result file is read here. */
interface JestResult {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Files that did not get as far as running tests. */
  numRuntimeErrorTestSuites: number;
}

/** Several files at a time, those that start whole suites apart: these wait more than they compute. One by one those that look at the clock and those that have a container engine each. */
const PARTS = [
  ['--selectProjects', 'unit', 'integration', '--maxWorkers=3'],
  ['--selectProjects', 'e2e', '--maxWorkers=3'],
  ['--selectProjects', 'time', '--runInBand'],
  ['--selectProjects', 'containers', '--runInBand'],
];

/**
 * `npm test [-- jest's arguments]`: unit, integration and e2e tests on servers of their own, and tests of containers on an engine of their own where one can start. The last line is
 * `<n> passed, <n> failed[, <n> skipped]`, the exit code that of the first part that failed.
 */
async function main(args: string[]): Promise<number> {
  // Ctrl-C reaches jest by itself; this process only has to outlive it.
  process.on('SIGINT', () => undefined);
  if (args.length === 0) await ensureMediaTools();
  const runs: Run[] = [];
  for (const part of args.length === 0 ? PARTS : [args]) runs.push(await run(part));
  console.log(summary(runs));
  return runs.find(({ code }) => code !== 0)?.code ?? 0;
}

interface Run {
  code: number;
  result?: JestResult;
}

async function run(args: string[]): Promise<Run> {
  const root = packageRoot();
  const folder = mkdtempSync(join(tmpdir(), 'task-engine-result-'));
  const file = join(folder, 'result.json');
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const workers = args.some((arg) => /^(-w|-i|--maxWorkers|--runInBand)/.test(arg)) ? [] : ['--maxWorkers=2'];
  const options = [...args, ...workers, '--json', `--outputFile=${file}`, '--reporters=default'];
  const child = spawn(process.execPath, [jest, ...options], { cwd: root, stdio: ['inherit', 'ignore', 'inherit'] });
  const forward = () => void child.kill('SIGTERM');
  process.on('SIGTERM', forward);
  const code = await new Promise<number>((done) => child.on('close', (status) => done(status ?? 130)));
  process.off('SIGTERM', forward);
  const result = readResult(file);
  rmSync(folder, { recursive: true, force: true });
  return { code, result };
}

/** A whole run covers the media work too: installs ffmpeg where it can, and says so where it cannot. */
async function ensureMediaTools(): Promise<void> {
  const progress = new ConsoleProgress();
  const tools = await mediaTools(process.env, progress, new AbortController().signal);
  progress.end();
  if (typeof tools === 'string') console.log(`No ffmpeg here, its tests are skipped: ${tools}`);
}

function readResult(file: string): JestResult | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JestResult;
  } catch {
    return undefined;
  }
}

function summary(runs: Run[]): string {
  const sum = (count: (run: Run) => number) => runs.reduce((total, run) => total + count(run), 0);
  const skipped = sum(({ result }) => (result ? result.numPendingTests + result.numTodoTests : 0));
  const passed = sum(({ result }) => result?.numPassedTests ?? 0);
  return `${passed} passed, ${sum(failures)} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function failures({ code, result }: Run): number {
  const counted = result ? result.numFailedTests + result.numRuntimeErrorTestSuites : 0;
  // A failing global setup fails the run without failing a test.
  return counted === 0 && code !== 0 ? 1 : counted;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    console.log('0 passed, 1 failed');
    process.exit(1);
  },
);
