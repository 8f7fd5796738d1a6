import type { WaitReason } from './wait-reason';

/** Limits of a lane as they stand while its row is locked. */
export interface LaneLimits {
  /** Jobs that may be started at one time (`max_jobs`), at least 1. */
  maxRunning: number;
  /** Of those, kept for priority jobs (`priority_slots`); more than maxRunning counts as maxRunning. */
  reservedSlots: number;
  /** Highest priority number that still counts as a priority job (`priority_threshold`), at least 1. */
  reservedThreshold: number;
  paused: boolean;
}

export interface Candidate {
  id: string;
  /** 1 is the most urgent. */
  priority: number;
  clientId: number;
}

/** What runs now; `admit` counts on as it starts jobs. */
export interface Occupancy {
  running: number;
  /** Running jobs with a priority number above the threshold. */
  runningUnreserved: number;
  /** Clients with a cap only: started jobs and the cap. */
  clients: Map<number, { running: number; cap: number }>;
}

export type Admission = 'start' | Extract<WaitReason, 'LanePaused' | 'LaneFull' | 'SlotsReserved' | 'ClientCap'>;

/**
 * The one decision whether a queued job may start. Slots are reserved as reading R1 of reference/task-engine.md A5 says:
 * jobs above the threshold may hold at most `maxRunning - reservedSlots`, all together at most `maxRunning`.
 */
export function decideAdmission(candidate: Candidate, lane: LaneLimits, occupancy: Occupancy): Admission {
  if (lane.paused) return 'LanePaused';
  if (occupancy.running >= lane.maxRunning) return 'LaneFull';
  const unreserved = lane.maxRunning - Math.min(lane.reservedSlots, lane.maxRunning);
  if (candidate.priority > lane.reservedThreshold && occupancy.runningUnreserved >= unreserved) return 'SlotsReserved';
  const client = occupancy.clients.get(candidate.clientId);
  if (client && client.running >= client.cap) return 'ClientCap';
  return 'start';
}

/** Decides on candidates given in dispatch order, counting each start, and answers every one of them. */
export function admit(candidates: Candidate[], lane: LaneLimits, occupancy: Occupancy): Map<string, Admission> {
  const now: Occupancy = {
    ...occupancy,
    clients: new Map([...occupancy.clients].map(([id, client]) => [id, { ...client }])),
  };
  const answers = new Map<string, Admission>();
  for (const candidate of candidates) {
    const answer = decideAdmission(candidate, lane, now);
    answers.set(candidate.id, answer);
    if (answer !== 'start') continue;
    now.running += 1;
    if (candidate.priority > lane.reservedThreshold) now.runningUnreserved += 1;
    const client = now.clients.get(candidate.clientId);
    if (client) client.running += 1;
  }
  return answers;
}
