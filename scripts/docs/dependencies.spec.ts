import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../local/package-root';

describe('docs/dependencies.md', () => {
  it('says of every package, and of no other, what it is for', () => {
    const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const declared = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    );
    const rows = readFileSync(join(packageRoot(), 'docs/dependencies.md'), 'utf8').match(/^\| `.*$/gm) ?? [];
    const described = rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
    expect(described.sort()).toEqual(declared.sort());
  });
});
