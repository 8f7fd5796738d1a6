import type { ClaimedWork } from '@task-engine/engine';
import { Pace } from './pace';
import { Slots } from './slots';

/** How long something claimed ahead may wait for a slot before it is handed back, in milliseconds. */
const STALE_MS = 500;
/** A claim that goes on where the last one ended leaves out what came to stand before it: for this long at most, in milliseconds. */
const RESUME_MS = 500;

export interface WorkSourceOptions {
  /** What runs at one time; several sources may share them. */
  slots: number | Slots;
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
  private readonly slots: Slots;
  private readonly ready: { work: ClaimedWork; since: number }[] = [];
  private readonly waitingForRoom: (() => void)[] = [];
  private stopped = false;
  private claiming: Promise<void> | undefined;
  private again = false;
  /** The last claim brought all it asked for: more may wait. */
  private more = false;
  /** There was no room at the last look, so that nobody knows what waits. */
  private unseen = false;
  private resume: { at: string; until: number } | undefined;

  constructor(private readonly options: WorkSourceOptions) {
    this.slots = typeof options.slots === 'number' ? new Slots(options.slots) : options.slots;
    this.pace = new Pace(this.slots.size);
    this.slots.join(() => this.offered());
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
    return this.slots.free + this.pace.ahead - this.ready.length;
  }

  private async claimAll(): Promise<void> {
    while (this.again || this.more) {
      this.again = false;
      const limit = this.wanted();
      this.unseen = limit <= 0;
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
    // meanwhile no other source claims for the same slots
    const kept = Math.min(limit, this.slots.free);
    this.slots.take(kept);
    let claimed: ClaimedWork[];
    try {
      claimed = await this.options.claim(limit, this.resume?.at);
    } finally {
      this.slots.give(kept);
    }
    this.more = claimed.length >= limit;
    // Rows that were claimed stay in the index for as long as an old snapshot may see them: do not walk over all of them each time.
    const last = claimed.at(-1);
    if (last) this.resume = { at: last.availableAt, until: this.resume?.until ?? now + RESUME_MS };
    if (this.stopped) return this.options.handBack(claimed);
    for (const work of claimed) this.ready.push({ work, since: performance.now() });
    this.begin();
    // what was kept for it and is not needed
    this.slots.offer();
  }

  private offered(): void {
    this.begin();
    if (this.more || this.unseen) void this.look();
  }

  private begin(): void {
    while (this.slots.free > 0) {
      const next = this.ready.shift();
      if (!next) break;
      this.slots.take(1);
      const at = performance.now();
      void this.options.run(next.work).then(() => this.ended(at));
    }
    this.letIn();
  }

  private ended(begunAt: number): void {
    this.slots.give(1);
    this.pace.took(performance.now() - begunAt);
    this.slots.offer();
    this.letIn();
    if (this.more) void this.look();
  }

  private letIn(): void {
    if (this.wanted() > 0 || this.stopped) for (const resolve of this.waitingForRoom.splice(0)) resolve();
  }
}
