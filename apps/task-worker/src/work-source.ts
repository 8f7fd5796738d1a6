import type { ClaimedWork } from '@task-engine/engine';
import { Pace } from './pace';

/** How long something claimed ahead may wait for a slot before it is handed back, in milliseconds. */
const STALE_MS = 500;
/** A claim that goes on where the last one ended leaves out what came to stand before it: for this long at most, in milliseconds. */
const RESUME_MS = 500;

export interface WorkSourceOptions {
  /** What runs at one time. */
  slots: number;
  /** Claims up to `limit` executions, from `since` on. */
  claim: (limit: number, since: string | undefined) => Promise<ClaimedWork[]>;
  /** Runs one; resolves when its slot is free. Never rejects. */
  run: (work: ClaimedWork) => Promise<void>;
  /** Gives back what was claimed and not begun. */
  handBack: (work: ClaimedWork[]) => void;
  /** A claim failed; the next look tries again. */
  failed: (error: unknown) => void;
}

/** The work of one queue in this process: keeps the slots busy with what the table has for them. */
export class WorkSource {
  private readonly pace: Pace;
  private readonly ready: { work: ClaimedWork; since: number }[] = [];
  private readonly waitingForRoom: (() => void)[] = [];
  private running = 0;
  private stopped = false;
  private claiming: Promise<void> | undefined;
  private again = false;
  /** The last claim brought all it asked for: more may wait. */
  private more = false;
  private resume: { at: string; until: number } | undefined;

  constructor(private readonly options: WorkSourceOptions) {
    this.pace = new Pace(options.slots);
  }

  /** Claims what there is room for. @returns whether more may wait than there was room for */
  async look(): Promise<boolean> {
    this.again = true;
    this.claiming ??= this.claimAll().finally(() => (this.claiming = undefined));
    await this.claiming;
    return this.more && !this.stopped;
  }

  /** Resolves when there is room for more, or no more is taken. */
  async room(): Promise<void> {
    if (this.wanted() > 0 || this.stopped) return;
    await new Promise<void>((resolve) => this.waitingForRoom.push(resolve));
  }

  /** Hands back what has waited too long: its tasks are slower than they were. */
  tidy(): void {
    const oldest = this.ready[0];
    if (!oldest || performance.now() - oldest.since < STALE_MS) return;
    this.pace.misjudged();
    this.options.handBack(this.ready.splice(0).map(({ work }) => work));
  }

  /** Takes no more; what was not begun is handed back. What runs goes on. */
  stop(): void {
    this.stopped = true;
    this.options.handBack(this.ready.splice(0).map(({ work }) => work));
    this.letIn();
  }

  private wanted(): number {
    return this.options.slots + this.pace.ahead - this.running - this.ready.length;
  }

  private async claimAll(): Promise<void> {
    while (this.again || this.more) {
      this.again = false;
      const limit = this.wanted();
      // Of a long queue not a few at a time: at least half of what is kept in store.
      if (limit <= 0 || this.stopped || (this.more && limit < this.pace.ahead / 2)) return;
      try {
        await this.claim(limit);
      } catch (error) {
        this.more = false;
        this.options.failed(error);
      }
    }
  }

  private async claim(limit: number): Promise<void> {
    const now = performance.now();
    if (!this.more || !this.resume || this.resume.until < now) this.resume = undefined;
    const claimed = await this.options.claim(limit, this.resume?.at);
    this.more = claimed.length >= limit;
    // Rows that were claimed stay in the index for as long as an old snapshot may see them: do not walk over all of them each time.
    const last = claimed.at(-1);
    if (last) this.resume = { at: last.availableAt, until: this.resume?.until ?? now + RESUME_MS };
    if (this.stopped) return this.options.handBack(claimed);
    for (const work of claimed) this.ready.push({ work, since: performance.now() });
    this.begin();
  }

  private begin(): void {
    while (this.running < this.options.slots) {
      const next = this.ready.shift();
      if (!next) break;
      this.running += 1;
      const at = performance.now();
      void this.options.run(next.work).then(() => this.ended(at));
    }
    this.letIn();
  }

  private ended(begunAt: number): void {
    this.running -= 1;
    this.pace.took(performance.now() - begunAt);
    this.begin();
    if (this.more) void this.look();
  }

  private letIn(): void {
    if (this.wanted() > 0 || this.stopped) for (const resolve of this.waitingForRoom.splice(0)) resolve();
  }
}
