import { statfsSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { runCommand } from '../../scripts/local/commands';

/** Where numbers were taken. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  system: string;
  node: string;
  /** Of the folder that the servers write to: an fsync in memory proves nothing. */
  fileSystem: string;
  /** Processes that wanted to run in the minute before: more than the odd one, and the numbers tell of them too. */
  loadBefore: number;
}

/** Magic numbers of statfs(2) that are met in practice. */
const FILE_SYSTEMS: Record<number, string> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs (in memory!)',
  0x794c7630: 'overlay',
};

export function readMachine(folder: string): Machine {
  const { type } = statfsSync(folder);
  return {
    cpu: cpus()[0]?.model.trim() ?? '?',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    fileSystem: FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`,
    loadBefore: Math.round(loadavg()[0]! * 10) / 10,
  };
}

/** The commit in the checkout, with a `+` when files differ from it; empty outside a checkout. */
export async function readCommit(root: string): Promise<string> {
  const commit = await runCommand('git', ['rev-parse', '--short', 'HEAD'], { cwd: root });
  if (commit.code !== 0) return '';
  const changes = await runCommand('git', ['status', '--porcelain', '--', 'apps', 'libs', 'bench'], { cwd: root });
  return `${commit.stdout.trim()}${changes.stdout.trim() ? '+' : ''}`;
}
