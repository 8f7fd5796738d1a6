/** What is to be run, and how: a command as its client submits it, checked by its dialect. */
export interface CommandRequest {
  /** Name of the group (fastlane's task). */
  group: string;
  image: string;
  command: string;
  environment: Record<string, unknown>;
  /** Further lines of /etc/hosts: host, address. */
  extraHosts: [string, string][];
  /** The client's own data, forwarded in webhooks. */
  custom: Record<string, unknown>;
  /** Further runs after one that failed. */
  retries: number;
  /** Also when the image could not be had. */
  retryPull: boolean;
  /** No run starts after it. */
  expiration: Date | null;
  /** Seconds for one run. */
  timeoutSeconds: number;
  /** Bytes. */
  memoryBytes: number | null;
  cpus: number | null;
  /** Finished runs that are kept, the newest; null: all, until retention. */
  keptRuns: number | null;
  /** Runs of the whole group at one time; null leaves the group's limit as it is, 0 takes it away. */
  groupLimit: number | null;
  notify: Record<RunEventName, string[]>;
  webhooks: Record<RunEventName, Webhook[]>;
  when: CommandTime;
  /** Address of the caller. */
  requestedFrom: string | null;
}

/** When a command runs: at once, once at a time, or at every time of a cron rule (5 fields, or 6 with seconds as the last; UTC unless a time zone is given). */
export type CommandTime = { kind: 'now' } | { kind: 'at'; at: Date } | { kind: 'cron'; cron: string; timezone: string };

export const RUN_EVENTS = ['starts', 'succeeds', 'fails', 'finishes'] as const;

/** What mails and webhooks tell of. A run that failed also finished. */
export type RunEventName = (typeof RUN_EVENTS)[number];

export interface Webhook {
  url: string;
  headers: Record<string, string>;
  /** Further tries after a failed one. */
  retries: number;
}
