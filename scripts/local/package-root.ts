import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LocalError } from './local-error';

/** The folder with package.json: of the sources and of dist/ alike. */
export function packageRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    if (dirname(folder) === folder) throw new LocalError('package.json was not found above the running code.');
    folder = dirname(folder);
  }
  return folder;
}
