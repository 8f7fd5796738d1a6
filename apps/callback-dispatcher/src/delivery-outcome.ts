import type { DeliveryReport } from '@task-engine/database';
import { backoffSeconds, type DeliveryKind } from '@task-engine/domain';
import { OutboundError } from '@task-engine/platform';
import { MailFailure } from './mail-failure';
import { retryAfterSeconds } from './retry-after';

/** What one try came to: an answer, or the error that stood in its way. */
export type Attempt =
  { kind: 'answer'; status: number; headers: Record<string, string>; body: Buffer } | { kind: 'error'; error: unknown };

export interface RetryPolicy {
  kind: DeliveryKind;
  /** Tries in all. */
  attempts: number;
  firstRetrySeconds: number;
  maxRetrySeconds: number;
  /** How long this try took. An event's next one is counted from its beginning. */
  tookSeconds?: number;
}

/**
 * Delay before the second try of a webhook of a run, in seconds; doubled for each further one, without jitter, and every status below 400
 * is success (reference/fastlane.md section 2, "Constants", and 3.7).
 */
const WEBHOOK_FIRST_RETRY_SECONDS = 5;

/**
 * From the beginning of an event's try to that of the next, in seconds, less up to a fifth. The last one holds for all further tries.
 */
const EVENT_RETRY_SECONDS = [5, 15, 120, 600, 3_600, 10_800, 21_600] as const;

/** For one try of an event, in seconds: of three that begin within 30 s the first two must be over by then, however long nobody answers. */
export const EVENT_TIMEOUT_SECONDS = 10;
/** Between the end of one and the next, at least. */
const EVENT_PAUSE_SECONDS = 1;

export type Outcome = Pick<DeliveryReport, 'state' | 'delaySeconds' | 'status' | 'error'>;

/**
 * Decides on a try: 2xx is delivered, 410 tells that nobody wants it any more, an address that may not be reached stays so; all else is
 * repeated, redirects included, until the tries are used up. `Retry-After` takes the place of the back-off.
 *
 * @param attempt number of this try, from 1
 */
export function outcomeOf(result: Attempt, attempt: number, policy: RetryPolicy, random = Math.random()): Outcome {
  const final = (
    state: 'delivered' | 'gone' | 'blocked' | 'exhausted',
    status: number | null,
    error: string | null,
  ): Outcome => ({
    state,
    delaySeconds: 0,
    status,
    error,
  });
  const failed = (status: number | null, error: string, wait: number | null): Outcome => {
    if (attempt >= policy.attempts) return final('exhausted', status, error);
    if (policy.kind === 'webhook') {
      const delaySeconds = Math.min(
        WEBHOOK_FIRST_RETRY_SECONDS * 2 ** Math.min(attempt - 1, 40),
        policy.maxRetrySeconds,
      );
      return { state: 'pending', delaySeconds, status, error };
    }
    const backoff = { baseSeconds: policy.firstRetrySeconds, maxSeconds: policy.maxRetrySeconds };
    const usual =
      policy.kind === 'event' ? eventDelay(attempt, policy, random) : backoffSeconds(attempt, backoff, random);
    const delaySeconds = wait === null ? usual : Math.min(wait, policy.maxRetrySeconds);
    return { state: 'pending', delaySeconds, status, error };
  };

  if (result.kind === 'error') {
    const { error } = result;
    if (error instanceof MailFailure) return failed(null, error.message, null);
    if (!(error instanceof OutboundError)) return failed(null, 'the request could not be made', null);
    if (error.kind === 'blocked') return final('blocked', null, error.message);
    if (error.kind === 'aborted') return { state: 'released', delaySeconds: 0, status: null, error: null };
    return failed(null, error.message, null);
  }
  const { status, headers } = result;
  if (status >= 200 && status <= 299) return final('delivered', status, null);
  if (policy.kind === 'webhook')
    return status < 400 ? final('delivered', status, null) : failed(status, `the endpoint answered ${status}`, null);
  if (status === 410) return final('gone', status, 'the endpoint answered 410: it is gone');
  const error =
    status >= 300 && status <= 399
      ? `the endpoint answered ${status}: redirects are not followed`
      : `the endpoint answered ${status}`;
  return failed(status, error, retryAfterSeconds(headers));
}

/** A shorter first delay of the configuration shortens them all. */
function eventDelay(attempt: number, policy: RetryPolicy, random: number): number {
  const { firstRetrySeconds, maxRetrySeconds, tookSeconds = 0 } = policy;
  const [first] = EVENT_RETRY_SECONDS;
  const full = EVENT_RETRY_SECONDS[Math.min(attempt, EVENT_RETRY_SECONDS.length) - 1]!;
  const baseSeconds = (full * Math.min(first, firstRetrySeconds)) / first;
  const usual = backoffSeconds(1, { baseSeconds, maxSeconds: maxRetrySeconds }, random);
  return Math.max(Math.min(usual, EVENT_PAUSE_SECONDS), usual - tookSeconds);
}
