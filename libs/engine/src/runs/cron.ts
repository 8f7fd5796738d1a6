import { DomainError } from '@task-engine/domain';
import { Cron } from 'croner';

/**
 * Checks a cron rule of 5 fields, or of 6 with the seconds as the last one (reference/fastlane.md section 2).
 * @param timezone IANA name
 * @throws DomainError invalid_parameter: a wrong rule or time zone, or a rule that never fires again
 */
export function parseCron(rule: string, timezone: string): void {
  nextFiring(rule, timezone, new Date());
}

/**
 * When a rule fires next, strictly after `after`. A time that a change of the clocks leaves out is fired at the time the clocks show instead.
 * @throws DomainError invalid_parameter
 */
export function nextFiring(rule: string, timezone: string, after: Date): Date {
  const next = read(rule, timezone).nextRun(after);
  if (!next) throw new DomainError('invalid_parameter', `cron '${rule}' never fires`);
  return next;
}

function read(rule: string, timezone: string): Cron {
  const fields = rule.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6)
    throw new DomainError(
      'invalid_parameter',
      `cron '${rule}' must have 5 fields, or 6 with the seconds as the last one`,
    );
  // the library has the seconds in front
  const [seconds = '0'] = fields.splice(5, 1);
  try {
    return new Cron([seconds, ...fields].join(' '), { timezone, paused: true });
  } catch (error) {
    throw new DomainError('invalid_parameter', `cron '${rule}' is not valid: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
