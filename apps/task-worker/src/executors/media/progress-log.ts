import type { ExecutionContext } from '../executor';
import { clock } from './media-time';

/** A line at each tenth of the way, and between them at most one in two seconds. */
const STEP_PERCENT = 10;
const INTERVAL_MS = 2_000;

/** Turns `ffmpeg -progress` output into job log lines: `cut_clips: 45 % (00:00:12.3 of 00:00:27.0)`. */
export class ProgressLog {
  private logged = 0;
  private loggedAt = Date.now();
  private microseconds = 0;

  /** @param totalSeconds expected length of the output */
  constructor(
    private readonly context: Pick<ExecutionContext, 'taskName' | 'log'>,
    private readonly totalSeconds: number,
  ) {}

  /** Takes one `key=value` line. */
  read(line: string): void {
    const [key, value] = line.split('=', 2);
    if (key === 'out_time_us') this.microseconds = Math.max(this.microseconds, Number(value) || 0);
    // ffmpeg says `end` when it is stopped too
    if (key !== 'progress' || value === 'end') return;
    this.write(Math.min(99, Math.floor((this.microseconds / 1e6 / this.totalSeconds) * 100)), this.microseconds / 1e6);
  }

  /** ffmpeg ended well. */
  done(): void {
    this.write(100, this.totalSeconds);
  }

  private write(percent: number, seconds: number): void {
    const now = Date.now();
    if (percent <= this.logged) return;
    if (percent < 100 && percent < this.logged + STEP_PERCENT && now < this.loggedAt + INTERVAL_MS) return;
    this.logged = percent;
    this.loggedAt = now;
    const shown = Math.min(seconds, this.totalSeconds);
    this.context.log(
      'INFO',
      `${this.context.taskName}: ${percent} % (${clock(shown, 1)} of ${clock(this.totalSeconds, 1)})`,
    );
  }
}
