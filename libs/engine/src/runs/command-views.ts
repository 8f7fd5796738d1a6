import type { OutputStream, RunState } from '@task-engine/domain';
import type { CommandRequest } from './command-request';

/** A group of commands as lists show it. */
export interface GroupSummary {
  name: string;
  createdAt: Date;
  /** When the last command was added. */
  commandAddedAt: Date;
  commands: number;
}

export interface Page<Item> {
  items: Item[];
  total: number;
}

export interface GroupView {
  name: string;
  /** The one that changed last comes first. */
  commands: { uuid: string; createdAt: Date }[];
}

export interface CommandView {
  group: string;
  uuid: string;
  image: string;
  command: string;
  createdAt: Date;
  updatedAt: Date;
  /** A cron rule is in force. */
  scheduled: boolean;
  /** When the cron rule fires next; null without one. */
  nextAt: Date | null;
  /** UUID of the last entry into the queue. */
  queueId: string;
  retryCount: number;
  requestedFrom: string | null;
  /** As it was asked for last. */
  request: Pick<
    CommandRequest,
    | 'environment'
    | 'extraHosts'
    | 'custom'
    | 'retries'
    | 'retryPull'
    | 'expiration'
    | 'timeoutSeconds'
    | 'memoryBytes'
    | 'cpus'
    | 'keptRuns'
    | 'notify'
    | 'webhooks'
  > & { cron: string | null; timezone: string | null };
  runCount: number;
}

/** A text that is too long to be held in memory: it is read in parts, as it is sent. */
export class LongText {
  /**
   * @param bytes as UTF-8
   * @param parts of bounded length; fails when it is not all there any more
   */
  constructor(
    readonly bytes: number,
    readonly parts: () => AsyncIterable<string>,
  ) {}
}

/** One try to tell a webhook of a run. */
export interface WebhookTry {
  at: Date;
  url: string;
  /** Null when nobody answered. */
  status: number | null;
  /** Null when it was taken. */
  error: string | null;
  /** What was sent; of the body so many characters behind it are left out. */
  request: { headers: Record<string, string>; body: string; omitted: number };
  /** What came back, its first 4 KB. */
  answer: { headers: Record<string, string>; body: string } | null;
}

/** How it stands with a run. */
export interface RunHead {
  /** Job of the engine that runs it; names its output. */
  jobId: string;
  state: RunState;
  /** Its client wants it stopped; the command may still be ending. */
  stopRequested: boolean;
  exitCode: number | null;
  /** What the engine has to say of its end (time limit, expiry, no image); null when there is nothing. */
  error: string | null;
}

export interface RunView extends RunHead {
  uuid: string;
  image: string;
  command: string;
  requestedFrom: string | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  place: { host: string; port: number; containerId: string } | null;
  /** What it has written so far, valid UTF-8. */
  stdout: string | LongText;
  stderr: string | LongText;
  /** Bytes of the outputs before what is here, where they were too much to be shown. */
  omitted: Record<OutputStream, number>;
  /** The last three that failed and all that were taken, in order. */
  webhookTries: WebhookTry[];
}

/** A piece of a run's output. Pieces in order of `seq` are the whole. */
export interface OutputPiece {
  seq: number;
  stream: OutputStream;
  text: string;
}

export interface ContainerHost {
  host: string;
  port: number;
  available: boolean;
  blacklisted: boolean;
  circuit: 'closed' | 'open' | 'half-open';
  error: string | null;
}

export interface FarmStatus {
  /** `docker`, `kubernetes` or `host`: what the workers that are alive use; null when none is. */
  executor: 'docker' | 'kubernetes' | 'host' | null;
  hosts: ContainerHost[];
  running: { host: string; port: number; containerId: string }[];
  groups: number;
  commands: number;
  /** Those with a cron rule in force. */
  scheduled: CommandView[];
  /** Runs that wait for a slot. */
  waitingRuns: number;
  /** Runs that run. */
  runningRuns: number;
  /** Webhooks and mails that wait to be sent. */
  waitingWebhooks: number;
  waitingMails: number;
  /** What waits for its time: runs, firings, repeated webhooks and mails. */
  delayed: number;
  /** When the first of these is due. */
  nextDelayedAt: Date | null;
}
