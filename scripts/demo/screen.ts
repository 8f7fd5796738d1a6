import { clearScreenDown, moveCursor } from 'node:readline';

/**
 * What the demo writes. On a terminal a block of lines can be drawn over and over; elsewhere only finished lines are written, without
 * control characters, so a log stays readable.
 */
export class Screen {
  /** Lines of the block that is on the terminal now. */
  private drawn = 0;

  constructor(private readonly out: NodeJS.WriteStream = process.stdout) {}

  /** Whether `draw` shows anything. */
  get isLive(): boolean {
    return this.out.isTTY === true;
  }

  /** A chapter's head. */
  title(text: string): void {
    this.line();
    this.line(text);
  }

  line(text = ''): void {
    this.wipe();
    this.out.write(`${text}\n`);
  }

  lines(texts: readonly string[]): void {
    for (const text of texts) this.line(text);
  }

  /** Shows these lines in place of the ones drawn before, on a terminal; the next `line` takes their place. */
  draw(texts: readonly string[]): void {
    if (!this.isLive) return;
    // The cursor cannot go above the window, nor may a line take two rows: the block could not be wiped then.
    const width = (this.out.columns || 80) - 1;
    const shown = texts.slice(-((this.out.rows || 24) - 1)).map((text) => text.slice(0, width));
    this.wipe();
    this.out.write(shown.map((text) => `${text}\n`).join(''));
    this.drawn = shown.length;
  }

  wipe(): void {
    if (this.drawn === 0) return;
    moveCursor(this.out, 0, -this.drawn);
    clearScreenDown(this.out);
    this.drawn = 0;
  }
}

/** The random parts of names are of no interest to the eye. */
export const shorten = (text: string) => text.replace(/([0-9a-f]{8})-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, '$1*');

/** Rows as aligned columns, two spaces apart. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
