export * from './admission';
export * from './backoff';
export * from './errors';
export * from './job-state';
export * from './json';
export * from './run-state';
export * from './task-state';
export * from './wait-reason';
