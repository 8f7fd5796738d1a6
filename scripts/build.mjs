#!/usr/bin/env node
// Compiles apps, libs, scripts, test and bench to dist/, only what changed since the last time.
//
// swc's own CLI compiles everything on every start (about 2 s); this keeps size and mtime of each source in dist/.build.json,
// so a start with nothing to do costs some 50 ms. Files are written beside and renamed: two builds at once do no harm.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const manifestFile = join(dist, '.build.json');
const folders = ['apps', 'libs', 'scripts', 'test', 'bench'];

/** Jest compiles tests itself; declarations and the plain Node scripts have no output. */
const skipped = /(\.spec|\.test|\.d)\.ts$|\.(mjs|md)$/;

async function sources(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : sources(path);
      return entry.isFile() && !skipped.test(entry.name) ? [path] : [];
    }),
  );
  return found.flat();
}

async function readManifest(configHash) {
  try {
    const manifest = JSON.parse(await readFile(manifestFile, 'utf8'));
    return manifest.configHash === configHash ? manifest.files : {};
  } catch {
    return {};
  }
}

/** The number in the name keeps two builds at once out of each other's half-written files. */
async function replace(path, content) {
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, content);
  await rename(draft, path);
}

const outputOf = (name) => join(dist, name.replace(/\.ts$/, '.js'));

async function compile(swc, options, name) {
  const source = join(root, name);
  const output = outputOf(name);
  await mkdir(dirname(output), { recursive: true });
  if (!name.endsWith('.ts')) {
    await copyFile(source, output);
    return;
  }
  const { code, map } = await swc.transformFile(source, {
    ...options,
    filename: source,
    sourceFileName: relative(dirname(output), source),
    swcrc: false,
    sourceMaps: true,
  });
  const mapName = `${output.split('/').pop()}.map`;
  await replace(`${output}.map`, map ?? '{}');
  await replace(output, `${code}\n//# sourceMappingURL=${mapName}\n`);
}

/**
 * Brings dist/ up to date with the sources.
 * @returns {Promise<{ compiled: number, removed: number, total: number, milliseconds: number }>}
 */
export async function build() {
  const began = Date.now();
  const swcrc = await readFile(join(root, '.swcrc'), 'utf8');
  const own = await readFile(fileURLToPath(import.meta.url), 'utf8');
  const configHash = createHash('sha256').update(swcrc).update(own).update(process.version).digest('hex');
  const known = await readManifest(configHash);

  const names = (await Promise.all(folders.map((folder) => sources(join(root, folder)))))
    .flat()
    .map((p) => relative(root, p));
  const stale = [];
  const files = {};
  await Promise.all(
    names.map(async (name) => {
      const [source, output] = await Promise.all([stat(join(root, name)), stat(outputOf(name)).catch(() => undefined)]);
      files[name] = `${source.mtimeMs}:${source.size}`;
      if (!output || known[name] !== files[name]) stale.push(name);
    }),
  );

  const gone = Object.keys(known).filter((name) => !(name in files));
  await Promise.all(
    gone.flatMap((name) => [rm(outputOf(name), { force: true }), rm(`${outputOf(name)}.map`, { force: true })]),
  );

  if (stale.length > 0) {
    const { default: swc } = await import('@swc/core');
    const { $schema: _, ...options } = JSON.parse(swcrc);
    options.jsc.baseUrl = root;
    const queue = [...stale];
    const faults = [];
    const work = async () => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        try {
          await compile(swc, options, name);
        } catch (error) {
          faults.push(`${name}: ${error.message}`);
          delete files[name];
        }
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() * 2 }, work));
    await replace(manifestFile, JSON.stringify({ configHash, files }));
    if (faults.length > 0) throw new Error(`build failed\n${faults.join('\n')}`);
  } else if (gone.length > 0) {
    await replace(manifestFile, JSON.stringify({ configHash, files }));
  }
  return { compiled: stale.length, removed: gone.length, total: names.length, milliseconds: Date.now() - began };
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const { compiled, total, milliseconds } = await build();
    console.log(`build: ${compiled} of ${total} files compiled in ${milliseconds} ms`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
