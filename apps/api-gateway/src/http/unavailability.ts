/** SQLSTATE classes and codes that mean "not now": connection faults, shutdown, too many connections, read-only standby. */
const SQL_STATES = /^(08...|57P0[1-5]|53300|25006)$/;

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** The pg driver's faults without a code: pool time-out, connection lost in the middle. */
const MESSAGES =
  /timeout exceeded when trying to connect|connection terminated|client has encountered a connection error/i;

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
  if (typeof code === 'string' && (SQL_STATES.test(code) || (SYSTEM_CODES.has(code) && syscall !== undefined)))
    return true;
  if (typeof message === 'string' && MESSAGES.test(message)) return true;
  if (Array.isArray(errors) && errors.some(isUnavailable)) return true;
  return driverError !== error && isUnavailable(driverError);
}
