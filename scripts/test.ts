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

/**
 * `npm test [-- jest's arguments]`: unit, integration and e2e tests on servers of their own. The last line is
 * `<n> passed, <n> failed[, <n> skipped]`, the exit code jest's.
 */
async function main(args: string[]): Promise<number> {
  if (args.length === 0) await ensureMediaTools();
  const root = packageRoot();
  const folder = mkdtempSync(join(tmpdir(), 'task-engine-result-'));
  const file = join(folder, 'result.json');
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const workers = args.some((arg) => /^(-w|-i|--maxWorkers|--runInBand)/.test(arg)) ? [] : ['--maxWorkers=2'];
  const options = ['--json', `--outputFile=${file}`, '--reporters=default', ...workers, ...args];
  const child = spawn(process.execPath, [jest, ...options], { cwd: root, stdio: ['inherit', 'ignore', 'inherit'] });
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  // Ctrl-C reaches jest by itself; this process only has to outlive it.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', forward);
  const code = await new Promise<number>((done) => child.on('close', (status) => done(status ?? 130)));
  console.log(summary(readResult(file), code));
  rmSync(folder, { recursive: true, force: true });
  return code;
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

function summary(result: JestResult | undefined, code: number): string {
  if (!result) return `0 passed, ${code === 0 ? 0 : 1} failed`;
  const counted = result.numFailedTests + result.numRuntimeErrorTestSuites;
  // A failing global setup or a coverage limit fails the run without failing a test.
  const failed = counted === 0 && code !== 0 ? 1 : counted;
  const skipped = result.numPendingTests + result.numTodoTests;
  return `${result.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    console.log('0 passed, 1 failed');
    process.exit(1);
  },
);
