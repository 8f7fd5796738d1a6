import { barOf, figuresLine, outcomeOf, shown } from './lines';
import type { StoredResult } from './results';
import type { TurnResult } from './run-benchmark';
import { median } from './verdict';

/** The results as Markdown: the verdicts of all benchmarks in one table, then what was measured in each. */
export function resultsSection(results: readonly StoredResult[]): string {
  if (results.length === 0) return 'No run is stored yet.';
  return [overview(results), ...results.map(details)].join('\n\n');
}

function overview(results: readonly StoredResult[]): string {
  const rows = results.flatMap(({ id, verdicts }) =>
    verdicts.map((verdict) => {
      const against = verdict.against === undefined ? verdict.of : `${verdict.of} / ${verdict.against}`;
      const value = `${shown(verdict.median)}${verdict.against === undefined ? '' : ' x'}`;
      const range = `${shown(verdict.min)} to ${shown(verdict.max)}`;
      return row([id, verdict.name, against, `**${value}**`, range, barOf(verdict), outcomeOf(verdict)]);
    }),
  );
  const head = ['#', 'Measure', 'Of', 'Median', 'Range', 'Bar', ''];
  return [row(head), row(head.map(() => '---')), ...rows].join('\n');
}

function details(result: StoredResult): string {
  const { id, title, notes, sides, rounds, machine, settings, date, commit } = result;
  const { postgres, redis } = settings;
  const turns = sides.map(({ name, setup }) => ({
    name,
    setup,
    turns: rounds.flatMap((round) => round.filter(({ side }) => side === name)),
  }));
  return [
    `### ${id}: ${title}`,
    `${date.slice(0, 10)}, commit ${commit}, ${rounds.length} rounds on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ` +
      `${machine.fileSystem}, Node ${machine.node}, PostgreSQL ${postgres.server_version} (fsync ${postgres.fsync}, synchronous_commit ` +
      `${postgres.synchronous_commit}, shared_buffers ${postgres.shared_buffers}), Redis ${redis.version} (appendonly ${redis.appendonly}, ` +
      `appendfsync ${redis.appendfsync}). Load average before: ${machine.loadBefore}.`,
    turns.map(({ name, setup }) => `- ${name}: ${setup}`).join('\n'),
    table(['Side', 'Median of the rounds', 'CPU seconds, memory', 'Bytes per job'], turns, ({ name, turns: own }) => [
      name,
      figuresLine(medians(own)),
      usage(own),
      stored(own),
    ]),
    ...notes,
  ].join('\n\n');
}

function medians(turns: readonly TurnResult[]): Record<string, number> {
  const names = Object.keys(turns[0]?.figures ?? {});
  return Object.fromEntries(names.map((name) => [name, median(turns.map(({ figures }) => figures[name] ?? NaN))]));
}

function usage(turns: readonly TurnResult[]): string {
  const processes = turns[0]?.use?.processes ?? [];
  return processes
    .map(({ name }) => {
      const uses = turns.flatMap(({ use }) => use?.processes.filter((each) => each.name === name) ?? []);
      const cpu = median(uses.map(({ cpuSeconds }) => cpuSeconds));
      return `${name} ${shown(cpu)} s, ${Math.round(median(uses.map(({ rssMb }) => rssMb)))} MB`;
    })
    .join('; ');
}

function stored(turns: readonly TurnResult[]): string {
  const sizes = turns.flatMap((turn) => (turn.stored ? [turn.stored] : []));
  if (sizes.length === 0) return '-';
  const middle = (pick: (size: (typeof sizes)[number]) => number) => Math.round(median(sizes.map(pick)));
  return `database ${middle(({ database }) => database)}, Redis ${middle(({ redis }) => redis)}`;
}

function table<Item>(head: string[], items: readonly Item[], cells: (item: Item) => string[]): string {
  return [row(head), row(head.map(() => '---')), ...items.map((item) => row(cells(item)))].join('\n');
}

const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
