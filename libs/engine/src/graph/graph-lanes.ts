import { Injectable } from '@nestjs/common';
import { Database, GRAPH_LANE } from '@task-engine/database';
import type { ResolvedDefinition } from '@task-engine/workflows';
import { DefinitionCache } from '../definition-cache';
import { GRAPH_QUEUE, graphDefinition } from './graph-definition';

/** Sets of worker tags that an installation takes: each is a lane and a queue. */
const MAX_SETS = 1_000;

export interface GraphLane {
  laneId: number;
  /** Of the lane, for `ExplainWait`. */
  name: string;
  queue: string;
  /** What its tasks are to the engine; stored. */
  definition: ResolvedDefinition;
}

/** Where graph tasks wait: a lane and a queue for each set of worker tags, so that tasks for which no worker is there block nobody. */
@Injectable()
export class GraphLanes {
  /** By lane name. Lanes are never renamed, and never go. */
  private readonly known = new Map<string, GraphLane>();

  constructor(
    private readonly database: Database,
    private readonly definitions: DefinitionCache,
  ) {}

  /** The lane of tasks with these tags, made when it is new. Undefined when there are as many as an installation takes. */
  async of(workerTags: string[]): Promise<GraphLane | undefined> {
    const name = behind(GRAPH_LANE, workerTags);
    const known = this.known.get(name);
    if (known) return known;
    const laneId = await this.idOf(name);
    if (laneId === undefined) return undefined;
    const queue = behind(GRAPH_QUEUE, workerTags);
    const definition = graphDefinition(queue);
    await this.definitions.keep(definition);
    const lane = { laneId, name, queue, definition };
    this.known.set(name, lane);
    return lane;
  }

  /** Name of a lane by its id. */
  async nameOf(laneId: number): Promise<string | undefined> {
    return (await this.database.stores.graphLanes.all()).find(({ id }) => id === laneId)?.name;
  }

  /** Queue of the tasks of a lane, by its name. */
  queueOf(lane: string): string {
    return behind(GRAPH_QUEUE, tagsBehind(lane));
  }

  /** Queues of a worker with these tags: each set of tags that is among its own. The queue without tags is one of them. */
  async queuesFor(tags: string[]): Promise<string[]> {
    const own = new Set(tags);
    return (await this.database.stores.graphLanes.all())
      .map(({ name }) => tagsBehind(name))
      .filter((set) => set.every((tag) => own.has(tag)))
      .map((set) => behind(GRAPH_QUEUE, set));
  }

  private async idOf(name: string): Promise<number | undefined> {
    const found = (await this.database.stores.graphLanes.all()).find((lane) => lane.name === name);
    if (found) return found.id;
    return this.database.transaction(async (stores) => {
      // one at a time, so that there are never more
      const base = await stores.lanes.findByName(GRAPH_LANE);
      await stores.lanes.lock(base!.id);
      const lanes = await stores.graphLanes.all();
      const other = lanes.find((lane) => lane.name === name);
      if (other) return other.id;
      return lanes.length > MAX_SETS ? undefined : stores.graphLanes.add(name);
    });
  }
}

/** Sorted, each tag as in a URL: no sign of one looks like what stands between two, or means something to Redis. */
function behind(name: string, tags: string[]): string {
  const set = [...new Set(tags)].sort().map(encodeURIComponent);
  return set.length === 0 ? name : `${name}/${set.join(',')}`;
}

function tagsBehind(lane: string): string[] {
  const set = lane.slice(GRAPH_LANE.length + 1);
  return set === '' ? [] : set.split(',').map(decodeURIComponent);
}
