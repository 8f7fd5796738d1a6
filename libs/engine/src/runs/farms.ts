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
  private readonly patterns: { farm: Farm; pattern: RegExp; lane: string }[];
  /** Ids by name. */
  private readonly lanes = new Map<string, Promise<number>>();

  constructor(
    farms: readonly Farm[],
    private readonly database: Database,
    private readonly hints: HintSender,
  ) {
    this.patterns = farms.map((farm, position) => ({
      farm,
      pattern: new RegExp(`^(?:${farm.match})`, 'u'),
      lane: laneName(farms, position),
    }));
  }

  /** The lane of a group's runs, with the limit that is configured now. */
  laneOf(group: string): Promise<number> {
    const { farm, lane } = this.patterns.find(({ pattern }) => pattern.test(group)) ?? {
      farm: UNMATCHED,
      lane: laneName([UNMATCHED], 0),
    };
    return this.idOf(lane, farm);
  }

  /** The lane of the farm at this place of the configuration, from 0. */
  laneAt(position: number): Promise<number> {
    const { farm, lane } = this.patterns[position]!;
    return this.idOf(lane, farm);
  }

  private idOf(name: string, farm: Farm): Promise<number> {
    const known = this.lanes.get(name);
    if (known) return known;
    const lane = this.ensure(name, farm);
    this.lanes.set(name, lane);
    // a fault is no answer: the next one asks again
    lane.catch(() => this.lanes.delete(name));
    return lane;
  }

  /** Brings the lanes of all farms to their configured limits, in apps that are configured with them, as soon as PostgreSQL is there. */
  onApplicationBootstrap(): void {
    void this.applyLimits();
  }

  private async applyLimits(): Promise<void> {
    try {
      for (const { farm, lane } of this.patterns) this.lanes.set(lane, Promise.resolve(await this.ensure(lane, farm)));
    } catch {
      setTimeout(() => void this.applyLimits(), RETRY_MS).unref();
    }
  }

  private async ensure(name: string, { maxRunning }: Farm): Promise<number> {
    const { id, changed } = await this.database.stores.lanes.ensure(name, maxRunning);
    if (changed) await this.hints.send({ lanes: [id] });
    return id;
  }
}

/** Farms may share an expression: all but the first have their number in the name. */
function laneName(farms: readonly Farm[], position: number): string {
  const { match } = farms[position]!;
  const before = farms.slice(0, position).filter((farm) => farm.match === match).length;
  return before === 0 ? `containers/${match}` : `containers/${match} (${before + 1})`;
}
