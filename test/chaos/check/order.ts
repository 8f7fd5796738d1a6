import type { ClientEvent, History, JobEvent, JobRow, LaneRow, RequestRecord, Violation } from '../history';
import { enters, eventsOf, groupBy, Sight } from './timeline';

/**
 * Among jobs eligible together none of lower rank starts first. Rank: top of queue, priority, position, age.
 *
 * Two jobs are eligible together at an admission (one transaction) that starts A and leaves B when
 * - B was queued, with the rank it is compared by, in a snapshot that was taken before the admission's transaction began: whatever
 *   snapshot the admission decided on has seen it so;
 * - nothing happened to B until A's start, and no request about B was under way: no change that the admission may have seen or waited
 *   for stands between;
 * - no limit can have refused B and let A pass. Limits are asked in the order of rank and counts only grow during an admission, so
 *   that leaves two ways: B's client has a cap and A is another client's, or B is a normal job and A may use reserved slots.
 */
export function checkOrder(history: History): Violation[] {
  const violations: Violation[] = [];
  const sight = new Sight(history.watermarks);
  const lanes = new Map<string, LaneRow>();
  const caps = new Map<string, ClientEvent[]>();
  const last = new Map<string, JobEvent>();
  const queued = new Map<string, JobEvent>();
  const ranked = new Map<string, JobEvent>();
  const starts = eventsOf(history, 'job').filter((event) => enters(event, 'started'));
  const batches = new Map(
    [...groupBy(starts, ({ xid }) => xid)].map(([xid, events]) => [xid, new Set(events.map(({ id }) => id))]),
  );
  const requests = groupBy(history.requests.filter(namesJob), ({ operation }) => operation.jobId);

  const mayBeCapped = (clientId: number, time: number) =>
    sight.candidates(caps.get(String(clientId)) ?? [], time).some(({ after }) => after.max_running !== null);

  const passedOver = (a: JobEvent, b: JobEvent): boolean => {
    const lane = lanes.get(String(a.after.lane_id));
    if (!lane || b.after.lane_id !== a.after.lane_id || !(compareRank(b, a) < 0)) return false;
    if (batches.get(a.xid)!.has(b.id)) return false;
    if (!sight.surelySaw(a.transactionAt, b.xid)) return false;
    if (b.after.client_id !== a.after.client_id && mayBeCapped(b.after.client_id, a.transactionAt)) return false;
    if (isNormal(b.after, lane) && !isNormal(a.after, lane)) return false;
    return !(requests.get(b.id) ?? []).some((request) => underWay(request, a.transactionAt, a.at));
  };

  for (const event of history.events) {
    if (event.table === 'lane') lanes.set(event.id, event.after);
    if (event.table === 'client') caps.set(event.id, [...(caps.get(event.id) ?? []), event]);
    if (event.table !== 'job') continue;
    const { id, before, after } = event;
    last.set(id, event);
    if (after.state === 'queued') queued.set(id, event);
    else queued.delete(id);
    if (before && !sameRank(before, after)) ranked.set(id, event);
    if (!enters(event, 'started')) continue;
    // with its own rank changing beside the admission, A may have been started by the former one
    const change = ranked.get(id);
    if (change && !sight.surelySaw(event.transactionAt, change.xid)) continue;
    for (const b of queued.values()) {
      if (!passedOver(event, b)) continue;
      violations.push({
        invariant: 'first in rank starts first',
        message: `job ${id} (${rankText(event)}) started although job ${b.id} (${rankText(b)}) had waited for ${Math.round(event.at - b.at)} ms`,
        jobIds: [id, b.id],
      });
    }
  }
  return violations;
}

const isNormal = (job: JobRow, lane: LaneRow) => job.priority > lane.reserved_threshold;

const sameRank = (one: JobRow, other: JobRow) =>
  one.top_of_queue === other.top_of_queue && one.priority === other.priority && one.position === other.position;

/** Negative when the first comes first. */
function compareRank(one: JobEvent, other: JobEvent): number {
  return (
    Number(other.after.top_of_queue) - Number(one.after.top_of_queue) ||
    one.after.priority - other.after.priority ||
    one.after.position - other.after.position ||
    one.after.created_at - other.after.created_at ||
    Number(one.id) - Number(other.id)
  );
}

const rankText = ({ after }: JobEvent) =>
  `${after.top_of_queue ? 'top of queue, ' : ''}priority ${after.priority}, position ${after.position}`;

type JobRequest = RequestRecord & { operation: { jobId: string } };

const namesJob = (request: RequestRecord): request is JobRequest => 'jobId' in request.operation;

/** A request without an answer may be carried out at any later time. */
function underWay({ sentAt, answeredAt, status }: RequestRecord, from: number, to: number): boolean {
  return sentAt <= to && (status === 0 || answeredAt >= from);
}
