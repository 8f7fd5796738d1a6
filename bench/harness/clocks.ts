/** Milliseconds of the machine's monotonic clock: the same in every process of the machine, never set. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Milliseconds since 1970 with fractions, for comparison with due times. */
export const epochMs = (): number => performance.timeOrigin + performance.now();
