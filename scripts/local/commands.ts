import { spawn, type SpawnOptions } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface CommandResult {
  /** Exit code; 127 when the command could not be started, 128 + n when it was killed. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end and collects what it wrote. Never throws; killed after `timeout` ms [60000]. */
export function runCommand(
  file: string,
  args: string[],
  { timeout = 60_000, ...options }: SpawnOptions = {},
): Promise<CommandResult> {
  return new Promise((done) => {
    const child = spawn(file, args, { ...options, timeout, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', (error) => done({ code: 127, stdout, stderr: error.message }));
    child.on('close', (code, signal) => done({ code: code ?? (signal ? 137 : 1), stdout, stderr }));
  });
}

/** Whether the path is a file that may be executed. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Full paths of a command, in order: PATH, then the folders given. */
export function findCommands(name: string, path: string, moreFolders: string[] = []): string[] {
  const folders = [...path.split(delimiter).filter(Boolean), ...moreFolders];
  return [...new Set(folders)].map((folder) => join(folder, name)).filter(isExecutable);
}
