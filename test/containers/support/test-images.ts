import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { DockerPrograms } from './docker-programs';

/** A shell and what belongs to it, nothing else. */
export const IMAGE = 'tools:1';
/** The same with an ENTRYPOINT that prints its arguments, one a line, and a CMD. */
export const ENTRYPOINT_IMAGE = 'entrypoint:1';

/** The same with a VOLUME. */
export const VOLUME_IMAGE = 'volume:1';

/** Made from nothing: no engine of the tests has a network. */
export async function loadImages(docker: Docker, tests: { programs: DockerPrograms; root: string }): Promise<void> {
  const file = rootFileSystem(tests);
  await load(docker, file, IMAGE, []);
  await load(docker, file, ENTRYPOINT_IMAGE, [
    'ENTRYPOINT ["/bin/printf", "%s\\\\n", "entry"]',
    'CMD ["from", "the image"]',
  ]);
  await load(docker, file, VOLUME_IMAGE, ['VOLUME /data']);
}

async function load(docker: Docker, file: string, image: string, changes: string[]): Promise<void> {
  const [repo, tag] = image.split(':');
  const answer = await docker.importImage(file, { repo, tag, changes });
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  if (!text.includes('"sha256:')) throw new Error(`the image ${image} could not be made: ${text}`);
}

/** A tar file, made once for all engines of a run. */
export function rootFileSystem({ programs, root }: { programs: DockerPrograms; root: string }): string {
  const file = join(root, 'image.tar');
  if (existsSync(file)) return file;
  const folder = mkdtempSync(join(root, 'image-'));
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(folder, name));
  copyFileSync(programs.busybox, join(folder, 'bin', 'busybox'));
  const applets = spawnSync(programs.busybox, ['--list'], { encoding: 'utf8' }).stdout.split('\n');
  for (const name of applets.filter((each) => each !== '' && each !== 'busybox')) {
    symlinkSync('busybox', join(folder, 'bin', name));
  }
  writeFileSync(join(folder, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  writeFileSync(join(folder, 'bin', 'not-executable'), 'echo never\n', { mode: 0o644 });
  const { status, stderr } = spawnSync('tar', ['-C', folder, '-cf', `${file}.new`, '.'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar: ${stderr}`);
  renameSync(`${file}.new`, file);
  return file;
}
