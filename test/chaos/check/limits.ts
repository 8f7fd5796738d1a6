import type { ClientEvent, History, JobEvent, LaneRow, Violation } from '../history';
import { enters, Sight } from './timeline';

/**
 * Goes through all starts and ends of jobs in their order and checks each start against the limits of that moment: `max_running`, the
 * reserved slots, and the cap of the client.
 *
 * Starts and changes of a lane's limits happen under the lane's row lock, so the order of their triggers is the order in which they
 * counted. An end frees its slot at its commit, later than its trigger: the count is never too high. A priority or a cap may change
 * beside an admission; then the start is held only against what it must have seen.
 */
export function checkLimits(history: History): Violation[] {
  const violations: Violation[] = [];
  const sight = new Sight(history.watermarks);
  const lanes = new Map<string, LaneRow>();
  const caps = new Map<string, ClientEvent[]>();
  const versions = new Map<string, JobEvent[]>();
  const running = new Map<string, JobEvent>();

  const check = (start: JobEvent): void => {
    const { lane_id: laneId, client_id: clientId } = start.after;
    const lane = lanes.get(String(laneId));
    const beside = [...running.values()].filter(({ after }) => after.lane_id === laneId);
    const report = (what: string): void =>
      void violations.push({
        invariant: 'limits hold',
        message: `job ${start.id} of priority ${start.after.priority} started as ${what}`,
        jobIds: [start.id, ...beside.map(({ id }) => id).filter((id) => id !== start.id)].slice(0, 5),
      });
    if (!lane) return report(`a job of the unknown lane ${laneId}`);
    if (beside.length > lane.max_running) report(`number ${beside.length} of ${lane.max_running} in its lane`);

    const open = lane.max_running - Math.min(lane.reserved_slots, lane.max_running);
    const isNormal = ({ id }: JobEvent) =>
      sight
        .candidates(versions.get(id)!, start.transactionAt)
        .every(({ after }) => after.priority > lane.reserved_threshold);
    const normal = beside.filter(isNormal).length;
    if (isNormal(start) && normal > open)
      report(
        `normal job ${normal} of ${open}: ${lane.reserved_slots} of ${lane.max_running} slots are kept for priority ${lane.reserved_threshold} and better`,
      );

    const seen = sight.candidates(caps.get(String(clientId)) ?? [], start.transactionAt);
    const cap = Math.max(...seen.map(({ after }) => after.max_running ?? Infinity));
    // of all lanes: each of them decides by itself
    const own = [...running.values()].filter(({ after }) => after.client_id === clientId).length;
    if (seen.length > 0 && own > cap) report(`number ${own} of its client's ${cap}`);
  };

  for (const event of history.events) {
    if (event.table === 'lane') lanes.set(event.id, event.after);
    if (event.table === 'client') caps.set(event.id, [...(caps.get(event.id) ?? []), event]);
    if (event.table !== 'job') continue;
    versions.set(event.id, [...(versions.get(event.id) ?? []), event]);
    if (event.after.state === 'started') running.set(event.id, event);
    else running.delete(event.id);
    if (enters(event, 'started')) check(event);
  }
  return violations;
}
