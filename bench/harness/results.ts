import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { ServerSettings } from './bench-servers';
import type { Machine } from './machine';
import { resultsSection } from './results-section';
import type { BenchmarkResult } from './run-benchmark';

/** bench/results/<id>.json. */
export interface StoredResult extends BenchmarkResult {
  date: string;
  commit: string;
  machine: Machine;
  settings: ServerSettings;
}

const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';

/** Writes one file for each benchmark, and with all files there are the results of docs/performance.md. */
export async function writeResults(root: string, results: readonly StoredResult[]): Promise<string[]> {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const written: string[] = [];
  for (const result of results) {
    const name = join('bench', 'results', `${result.id}.json`);
    await write(root, name, JSON.stringify(result));
    written.push(name);
  }
  await writePage(root, readResults(folder));
  return [...written, PAGE];
}

const PAGE = join('docs', 'performance.md');

function readResults(folder: string): StoredResult[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as StoredResult);
}

async function writePage(root: string, results: readonly StoredResult[]): Promise<void> {
  const page = readFileSync(join(root, PAGE), 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} has lost its two markers`);
  await write(root, PAGE, `${before}${BEGIN}\n\n${resultsSection(results)}\n\n${END}${after}`);
}

/** In the form that `npm run format:check` wants. */
async function write(root: string, name: string, text: string): Promise<void> {
  const path = join(root, name);
  const config = await resolveConfig(path);
  writeFileSync(path, await format(text, { ...config, filepath: path }));
}
