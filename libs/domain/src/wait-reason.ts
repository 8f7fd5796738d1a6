/** Why a waiting job waits: the closed list of design invariant 9. */
export const WAIT_REASONS = [
  'RunAt',
  'Semaphore',
  'Dependency',
  'SlotsReserved',
  'LaneFull',
  'ClientCap',
  'RateLimit',
  'LanePaused',
  'JobPaused',
  'NoWorker',
  'Backoff',
  'AwaitingVerification',
] as const;

export type WaitReason = (typeof WAIT_REASONS)[number];
