import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '@task-engine/database';
import type { Farm } from '@task-engine/platform';
import { HintSender } from '../hints';

/** Pause before limits that PostgreSQL did not take are set again, in milliseconds. */
const RETRY_MS = 2_000;
/** Limit of commands that no farm is for: they are accepted, and fail when they are to run. */
const UNMATCHED: Farm = { match: '', hosts: [], maxRunning: 1 };

/**
 * The farms of hosts and the lanes that hold their limits: a run stands in the lane of the first farm whose expression matches the beginning
 * of its group's name. So `maxRunning` holds as every limit of a lane does, and runs start in the order in which they came.
 */
@Injectable()
export class Farms implements OnApplicationBootstrap {
  private readonly patterns: { farm: Farm; pattern: RegExp }[];
  private readonly lanes = new Map<string, Promise<number>>();

  constructor(
    farms: readonly Farm[],
    private readonly database: Database,
    private readonly hints: HintSender,
  ) {
    this.patterns = farms.map((farm) => ({ farm, pattern: new RegExp(`^(?:${farm.match})`, 'u') }));
  }

  /** The lane of a group's runs, with the limit that is configured now. */
  laneOf(group: string): Promise<number> {
    const farm = this.patterns.find(({ pattern }) => pattern.test(group))?.farm ?? UNMATCHED;
    const known = this.lanes.get(farm.match);
    if (known) return known;
    const lane = this.ensure(farm);
    this.lanes.set(farm.match, lane);
    // a fault is no answer: the next one asks again
    lane.catch(() => this.lanes.delete(farm.match));
    return lane;
  }

  /** Brings the lanes of all farms to their configured limits, in apps that are configured with them, as soon as PostgreSQL is there. */
  onApplicationBootstrap(): void {
    void this.applyLimits();
  }

  private async applyLimits(): Promise<void> {
    try {
      for (const { farm } of this.patterns) this.lanes.set(farm.match, Promise.resolve(await this.ensure(farm)));
    } catch {
      setTimeout(() => void this.applyLimits(), RETRY_MS).unref();
    }
  }

  private async ensure({ match, maxRunning }: Farm): Promise<number> {
    const { id, changed } = await this.database.stores.lanes.ensure(`containers/${match}`, maxRunning);
    if (changed) await this.hints.send({ lanes: [id] });
    return id;
  }
}
