import type { History, RowEvent, Table, Watermark } from '../history';

export type EventOf<Name extends Table> = Extract<RowEvent, { table: Name }>;

/** Changes of one table in their order. */
export function eventsOf<Name extends Table>(history: History, table: Name): EventOf<Name>[] {
  return history.events.filter((event): event is EventOf<Name> => event.table === table);
}

/** Changes of one table by row, each in their order. */
export function rowsOf<Name extends Table>(history: History, table: Name): Map<string, EventOf<Name>[]> {
  return groupBy(eventsOf(history, table), (event) => event.id);
}

export function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** Whether a change sets this state, coming from another one or from nothing. */
export function enters(event: { before: { state: string } | null; after: { state: string } }, state: string): boolean {
  return event.after.state === state && event.before?.state !== state;
}

/** Whether a change ends this state. */
export function leaves(event: { before: { state: string } | null; after: { state: string } }, state: string): boolean {
  return event.before?.state === state && event.after.state !== state;
}

/**
 * What a decision must have seen. A trigger's time is earlier than the commit, so "written before" does not mean "seen by"; a snapshot
 * taken in between does.
 */
export class Sight {
  constructor(private readonly watermarks: Watermark[]) {}

  /** Whether all that looked after `time` saw the transaction: a snapshot that was taken before has it. */
  surelySaw(time: number, xid: number): boolean {
    const last = this.lastBefore(time);
    return last !== undefined && (xid < last.minimum || (xid < last.maximum && !last.running.includes(xid)));
  }

  /**
   * The versions that a decision whose transaction began at `time` may have taken for the present one: the last that it surely saw and
   * all later ones.
   */
  candidates<Version extends { xid: number }>(versions: Version[], time: number): Version[] {
    const sure = versions.findLastIndex((version) => this.surelySaw(time, version.xid));
    return versions.slice(Math.max(0, sure));
  }

  private lastBefore(time: number): Watermark | undefined {
    let [low, high] = [0, this.watermarks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.watermarks[middle]!.at < time) low = middle + 1;
      else high = middle;
    }
    return this.watermarks[low - 1];
  }
}
