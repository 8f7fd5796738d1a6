import type { Figures } from './benchmark';
import type { WindowUse } from './turn';
import type { Verdict } from './verdict';

/** Three digits that mean something. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Number.isInteger(value) || Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

export function figuresLine(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${shown(value)} ${name}`)
    .join(', ');
}

/** CPU seconds of each process that used some, the most first. */
export function useLine({ seconds, processes }: WindowUse): string {
  const parts = processes
    .filter(({ cpuSeconds }) => cpuSeconds > 0)
    .toSorted((a, b) => b.cpuSeconds - a.cpuSeconds)
    .map(({ name, cpuSeconds, rssMb }) => `${name} ${shown(cpuSeconds)} s (${Math.round(rssMb)} MB)`);
  return `CPU in ${shown(seconds)} s: ${parts.join(', ')}`;
}

/** The bar that a verdict is held against, e.g. `must 0.5, aim 1`. */
export function barOf({ must, aim, better }: Verdict): string {
  const sign = better === 'higher' ? '>=' : '<=';
  const parts = [
    must === undefined ? undefined : `must ${sign} ${must}`,
    aim === undefined ? undefined : `aim ${sign} ${aim}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

export function outcomeOf({ reached }: Verdict): string {
  if (reached.must === false) return 'MISSED';
  if (reached.aim === false) return reached.must === undefined ? 'aim missed' : 'must reached, aim missed';
  return reached.aim === undefined && reached.must === undefined ? '-' : 'reached';
}

/** The table at the end of a run. */
export function verdictLines(results: readonly { id: string; verdicts: Verdict[] }[]): string[] {
  const rows = results.flatMap(({ id, verdicts }) =>
    verdicts.map((verdict) => [
      id,
      verdict.name,
      shown(verdict.median) + (verdict.against === undefined ? '' : ' x'),
      `${shown(verdict.min)} to ${shown(verdict.max)}`,
      barOf(verdict),
      outcomeOf(verdict),
    ]),
  );
  const table = [['', 'what', 'median', 'range', 'bar', ''], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd());
}
