/** What is wrong with a server; undefined when nothing is. */
export interface Faults {
  /** PostgreSQL, under the name that clients look at. */
  mongo: string | undefined;
  redis: string | undefined;
}

/** The health of both servers. */
export function presentHealth({ mongo, redis }: Faults) {
  const errors = [
    ...(redis === undefined ? [] : [{ source: 'redis', message: `Connection to redis failed (error: ${redis}).` }]),
    ...(mongo === undefined ? [] : [{ source: 'mongo', message: mongo }]),
  ];
  return { errors, mongo: mongo === undefined, redis: redis === undefined };
}
