import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { findCommands, isExecutable } from './commands';
import type { Progress, Step } from './progress';

/** The programs that make and read media. */
export interface MediaTools {
  ffmpeg: string;
  ffprobe: string;
}

/** Milliseconds between two words of a running installation where no terminal redraws them. */
const NOTE_EVERY = 5000;

/**
 * ffmpeg and ffprobe: those that FFMPEG_PATH and FFPROBE_PATH name, those on the PATH, or new ones where this process may install them
 * (root on Debian and its like).
 * @returns the tools, or in one line what to do to have them
 */
export async function mediaTools(
  env: NodeJS.ProcessEnv,
  progress: Progress,
  signal: AbortSignal,
): Promise<MediaTools | string> {
  const present = find(env);
  if (present) return present;
  if (env.FFMPEG_PATH || env.FFPROBE_PATH) return 'FFMPEG_PATH and FFPROBE_PATH do not name two programs';
  const [apt] = findCommands('apt-get', env.PATH ?? '');
  if (!apt) return 'install ffmpeg (macOS: brew install ffmpeg) and run this again';
  if (process.getuid?.() !== 0) return 'run `sudo apt-get install -y ffmpeg`, then this again';
  const step = progress.step('ffmpeg');
  const fault = await install(apt, env, step, signal);
  const tools = find(env);
  if (tools) step.done('installed by apt-get');
  return tools ?? `apt-get could not install it${fault ? ` (${fault})` : ''}; install it and run this again`;
}

function find(env: NodeJS.ProcessEnv): MediaTools | undefined {
  const program = (name: string, configured?: string) =>
    configured?.includes('/') ? [configured].find(isExecutable) : findCommands(configured || name, env.PATH ?? '')[0];
  const ffmpeg = program('ffmpeg', env.FFMPEG_PATH);
  const ffprobe = program('ffprobe', env.FFPROBE_PATH);
  return ffmpeg && ffprobe ? { ffmpeg, ffprobe } : undefined;
}

/** @returns what apt-get complained about, if it failed */
async function install(
  apt: string,
  env: NodeJS.ProcessEnv,
  step: Step,
  signal: AbortSignal,
): Promise<string | undefined> {
  const run = (...args: string[]) => runApt(apt, args, env, step, signal);
  const update = () => run('update');
  const add = () => run('install', '-y', '--no-install-recommends', 'ffmpeg');
  // Images come without package lists, long-lived machines with outdated ones.
  const fresh = hasPackageLists() ? undefined : await update();
  if (fresh !== undefined) return fresh;
  return (await add()) === undefined ? undefined : ((await update()) ?? (await add()));
}

const LISTS = '/var/lib/apt/lists';

const hasPackageLists = () => existsSync(LISTS) && readdirSync(LISTS).some((name) => name.includes('_Packages'));

function runApt(
  apt: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  step: Step,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((done) => {
    const child = spawn(apt, ['-q', ...args], {
      env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let noted = 0;
    let fault = '';
    const note = (line: string) => {
      if (!process.stdout.isTTY && Date.now() - noted < NOTE_EVERY) return;
      noted = Date.now();
      step.note(line.trim().slice(0, 60));
    };
    createInterface({ input: child.stdout }).on('line', note);
    createInterface({ input: child.stderr }).on('line', (line) => (fault = line.trim() || fault));
    child.on('error', (error) => done(error.message));
    child.on('close', (code) => done(code === 0 ? undefined : fault || `exit ${code}`));
  });
}
