import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';

/** Lane of the jobs that the Task Engine API takes, shows and changes. */
export const ENGINE_LANE = 'engine';

/** Ids of lanes by name. A lane is never renamed, so they are looked up once. */
@Injectable()
export class Lanes {
  private readonly ids = new Map<string, number>();

  constructor(private readonly database: Database) {}

  async id(name: string): Promise<number> {
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    const lane = await this.database.stores.lanes.findByName(name);
    if (!lane) throw new Error(`no lane '${name}'`);
    this.ids.set(name, lane.id);
    return lane.id;
  }
}
