/**
 * SQLSTATEs (appendix A of PostgreSQL's manual) that mean "not now": the statement did nothing, and the same one may work in a while.
 *
 * - 08...: the connection failed (a pooler's faults come as 08P01 too)
 * - 25006: read-only, as a standby or an instance in maintenance is
 * - 25P03, 25P04: the server's own limits ended the transaction
 * - 40001, 40P01: serialisation failure, deadlock; a transaction has been repeated by then
 * - 53...: no memory, no room on the disk, no free connection
 * - 55P03: a lock was not to be had in time
 * - 57014: cancelled, by an operator or a time limit
 * - 57P01 to 57P05: shutting down, crashed, starting up, database dropped, session ended for idleness
 */
const SQL_STATES = /^(08...|25006|25P0[34]|40001|40P01|53...|55P03|57014|57P0[1-5])$/;

/** Faults of the socket or of the name look-up. */
const SYSTEM_CODES = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * Faults that have a text only. Of pg: no connection in time, lost in the middle, an answer that did not come. Of the pool: none free in
 * time, closing. Of TypeORM: the connection of a transaction broke between two statements, the pool is closed.
 */
const MESSAGES = new RegExp(
  [
    'timeout exceeded when trying to connect',
    '^timeout expired$',
    '^Query read timeout$',
    '^Connection terminated',
    '^Client (has encountered a connection error|was closed) and is not queryable$',
    '^Cannot use a pool after calling end on the pool$',
    '^Client network socket disconnected before secure TLS connection',
    '^Query runner already released\\.',
    '^Driver not Connected$',
  ].join('|'),
  'i',
);

interface Fault {
  code?: unknown;
  syscall?: unknown;
  message?: unknown;
  /** Attempts at several addresses. */
  errors?: unknown;
  /** What TypeORM wraps. */
  driverError?: unknown;
}

/** Whether an error says that PostgreSQL cannot be reached or does not serve at present, as opposed to a fault of ours. */
export function isUnavailable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, syscall, message, errors, driverError } = error as Fault;
  // without a system call it is not ours: a caller that hangs up in the middle of its request is ECONNRESET too
  if (typeof code === 'string' && (SQL_STATES.test(code) || (SYSTEM_CODES.has(code) && syscall !== undefined)))
    return true;
  if (typeof message === 'string' && MESSAGES.test(message)) return true;
  if (Array.isArray(errors) && errors.some(isUnavailable)) return true;
  return driverError !== error && isUnavailable(driverError);
}
