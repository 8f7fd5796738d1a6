#!/usr/bin/env node
// node scripts/bootstrap.mjs <command> [arguments]
//
// From a bare clone to a running command: checks Node, installs the packages when they are missing or not what the lock file
// says, builds what changed, then runs dist/scripts/<command>.js (dist/bench/main.js) in this process. Only Node's own modules: it runs before
// there are others.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const minimumNode = [20, 19];

function fail(message) {
  console.error(message);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1])) return;
  fail(`Node ${minimumNode.join('.')} or newer is needed; this is ${process.versions.node}. See https://nodejs.org/`);
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Whether node_modules holds what the lock file asks for. npm writes node_modules/.package-lock.json as the last step of an
 * install, so it serves as the stamp: an interrupted install has none, and an install by hand counts as well as ours.
 */
function packagesInstalled() {
  const wanted = packagesOf('package-lock.json');
  if (!wanted) fail('package-lock.json is missing or not readable; this does not look like a whole checkout.');
  const present = packagesOf('node_modules/.package-lock.json');
  if (!present) return false;
  return Object.entries(wanted).every(([path, { version, optional, devOptional, peer }]) => {
    if (path === '' || !path.startsWith('node_modules/')) return true;
    const found = present[path];
    return found ? found.version === version : Boolean(optional || devOptional || peer);
  });
}

/** Runs npm with a line every few seconds: without a terminal npm itself says nothing for a minute. */
async function install() {
  console.log('Installing packages (only when the lock file changed; about a minute) ...');
  const npm = process.env.npm_execpath;
  const [file, before] = npm && /npm(-cli)?\.c?js$/.test(npm) ? [process.execPath, [npm]] : ['npm', []];
  const began = Date.now();
  const ticker = setInterval(() => {
    const folder = join(root, 'node_modules');
    const count = existsSync(folder) ? readdirSync(folder).length : 0;
    console.log(`  ... ${Math.round((Date.now() - began) / 1000)} s, ${count} folders in node_modules`);
  }, 5000);
  // its warnings are about packages that nobody at this terminal has chosen; what fails it still says
  const options = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const child = spawn(file, [...before, 'ci', ...options], {
    cwd: root,
    stdio: 'inherit',
    // With NODE_ENV=production npm would leave out the build tools; the beacon reports the install to a third party.
    env: { ...process.env, NODE_ENV: '', SCARF_ANALYTICS: 'false' },
  });
  const code = await new Promise((done) => {
    child.on('error', (error) => {
      console.error(`npm could not be started: ${error.message}`);
      done(1);
    });
    child.on('exit', (status) => done(status ?? 1));
  });
  clearInterval(ticker);
  if (code !== 0) fail(`npm ci failed (exit ${code}); its own message stands above.`);
  console.log(`Installed in ${Math.round((Date.now() - began) / 1000)} s.`);
}

checkNode();
const [command, ...commandArguments] = process.argv.slice(2);
const programs = {
  demo: 'scripts/demo.js',
  start: 'scripts/start.js',
  test: 'scripts/test.js',
  cli: 'scripts/cli.js',
  bench: 'bench/main.js',
  'bench:cost': 'bench/cost.js',
};
const commands = Object.keys(programs);
if (!commands.includes(command)) fail(`usage: node scripts/bootstrap.mjs <${commands.join('|')}> [arguments]`);

if (!packagesInstalled()) await install();
try {
  const { build } = await import('./build.mjs');
  const { compiled, milliseconds } = await build();
  if (compiled > 0 && command !== 'cli') console.log(`Built ${compiled} files in ${milliseconds} ms.`);
} catch (error) {
  fail(error.message);
}

const script = join(root, 'dist', programs[command]);
if (!existsSync(script)) fail(`${script} does not exist: the source is missing in this checkout.`);
process.setSourceMapsEnabled(true);
process.argv = [process.argv[0], script, ...commandArguments];
await import(pathToFileURL(script).href);
