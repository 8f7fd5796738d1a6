import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPage } from './docs/configuration-page';
import { lifeCyclePage } from './docs/life-cycle-page';
import { packageRoot } from './local/package-root';

/** Pages that are written from the code. */
const pages: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': configurationPage,
  'docs/job-lifecycle.md': lifeCyclePage,
};

/** Writes the generated pages; with `--check` it changes nothing and fails when one of them is not what the code says. */
function main(args: readonly string[]): void {
  const check = args.includes('--check');
  const stale = Object.entries(pages).filter(([name, page]) => {
    const path = join(packageRoot(), name);
    const text = page();
    if (!check) writeFileSync(path, text);
    return check && differs(name, read(path), text);
  });
  if (stale.length === 0) return;
  console.error('Run `npm run build && node dist/scripts/generate-docs.js` and commit the pages.');
  process.exitCode = 1;
}

function differs(name: string, found: string, expected: string): boolean {
  if (found === expected) return false;
  const [have, want] = [found.split('\n'), expected.split('\n')];
  const first = want.findIndex((each, index) => each !== have[index]);
  const line = first < 0 ? want.length : first;
  console.error(
    `${name} is stale, first in line ${line + 1}:\n- ${have[line] ?? '(no line)'}\n+ ${want[line] ?? '(no line)'}`,
  );
  return true;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

main(process.argv.slice(2));
