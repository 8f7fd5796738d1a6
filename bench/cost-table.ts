import type { Costs } from './cost-measure';
import { shown } from './harness/lines';

/** What the noise of one machine may add to a ratio: the same operation measured twice differs by up to this much here. */
const TOLERANCE = 1.5;
/** Below this many milliseconds at the largest size nobody waits, whatever the ratio to a fraction of a millisecond. */
const UNFELT_MS = 1;

/** The most that may be divided between two sizes when the cost grows with the logarithm. */
export function allowedRatio(smallest: number, largest: number): number {
  return (Math.log(largest) / Math.log(smallest)) * TOLERANCE;
}

/** The measured costs as Markdown: a row for each operation, its ratio to the smallest size, and a mark where it grows too fast. */
export function costTable({ sizes, date, commit, machine, settings }: Costs): string {
  const [smallest, ...larger] = sizes;
  const largest = sizes.at(-1);
  if (!smallest || !largest) return 'No run is stored yet.';
  const allowed = allowedRatio(smallest.jobs, largest.jobs);
  const head = ['Operation', ...sizes.map(({ jobs }) => `${jobs.toLocaleString('en')} jobs`), 'Ratio', ''];
  const rows = Object.entries(smallest.operations).map(([name, first]) => {
    const cells = sizes.map(({ operations }) => cell(operations[name]));
    const last = largest.operations[name];
    if (larger.length === 0 || !last) return [name, ...cells, '-', ''];
    const ratio = first.unit === 'ms' ? last.median / first.median : first.median / last.median;
    const over = ratio > allowed && !(first.unit === 'ms' && last.median < UNFELT_MS);
    return [name, ...cells, `${shown(ratio)} x`, over ? 'grows' : ''];
  });
  return [
    `${date.slice(0, 10)}, commit ${commit}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}, PostgreSQL ` +
      `${settings.postgres.server_version} (shared_buffers ${settings.postgres.shared_buffers}). ` +
      `Database: ${sizes.map(({ jobs, bytes }) => `${jobs.toLocaleString('en')} jobs ${Math.round(bytes / 1e6)} MB`).join(', ')}.`,
    `Median / p99 in milliseconds unless another unit stands there. The logarithm allows ${shown(allowed / TOLERANCE)} x; with ${TOLERANCE} x for ` +
      `noise, what passes ${shown(allowed)} x (and takes a millisecond or more) is marked "grows".`,
    [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n'),
  ].join('\n\n');
}

function cell(operation: Costs['sizes'][number]['operations'][string] | undefined): string {
  if (!operation) return '-';
  if (operation.unit !== 'ms') return `${shown(operation.median)} ${operation.unit}`;
  return `${shown(operation.median)} / ${shown(operation.p99)}`;
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
