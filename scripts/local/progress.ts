import { clearLine, cursorTo } from 'node:readline';

/** One step that is under way. */
export interface Step {
  /** Shows what it is doing now. */
  note(text: string): void;
  done(text?: string): void;
}

/** Tells somebody how far a bring-up is. */
export interface Progress {
  step(name: string): Step;
}

export const silent: Progress = { step: () => ({ note: () => undefined, done: () => undefined }) };

/**
 * A line per step, with its time when it is done. On a terminal the last line shows live what is still under way; elsewhere
 * only notes and finished steps are written, so a log stays readable.
 */
export class ConsoleProgress implements Progress {
  private readonly running = new Map<string, { began: number; note: string }>();
  private ticker?: NodeJS.Timeout;

  constructor(private readonly out: NodeJS.WriteStream = process.stdout) {}

  step(name: string): Step {
    const state = { began: Date.now(), note: '' };
    this.running.set(name, state);
    this.tick();
    return {
      note: (text) => {
        state.note = text;
        if (!this.out.isTTY) this.out.write(`  ... ${name}: ${text}\n`);
      },
      done: (text) => {
        if (!this.running.delete(name)) return;
        const seconds = ((Date.now() - state.began) / 1000).toFixed(1).padStart(5);
        this.line(`  ok ${seconds} s  ${!text ? name : text.startsWith(name) ? text : `${name}: ${text}`}`);
        this.tick();
      },
    };
  }

  /** Forgets the steps that did not finish, so nothing more is drawn. */
  end(): void {
    this.running.clear();
    this.tick();
  }

  private line(text: string): void {
    this.wipe();
    this.out.write(`${text}\n`);
    this.draw();
  }

  private tick(): void {
    if (!this.out.isTTY) return;
    if (this.running.size === 0) {
      clearInterval(this.ticker);
      this.ticker = undefined;
      this.wipe();
    } else {
      this.ticker ??= setInterval(() => this.draw(), 100).unref();
    }
  }

  private draw(): void {
    if (!this.out.isTTY || this.running.size === 0) return;
    const parts = [...this.running].map(([name, { began, note }]) => {
      return `${name} ${((Date.now() - began) / 1000).toFixed(1)} s${note ? ` (${note})` : ''}`;
    });
    this.wipe();
    this.out.write(`  .. ${parts.join(', ')}`.slice(0, (this.out.columns || 80) - 1));
  }

  private wipe(): void {
    if (!this.out.isTTY) return;
    clearLine(this.out, 0);
    cursorTo(this.out, 0);
  }
}
