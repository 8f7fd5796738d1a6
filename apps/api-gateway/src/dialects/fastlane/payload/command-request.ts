import { EnqueueDto, readDto, readMemorySize, readStartIn, readUnixSeconds } from '@task-engine/dto';
import type { CommandRequest, CommandTime } from '@task-engine/engine';
import { TextRefused } from '../errors';
import { readEnvironment } from './environment';
import { readNotify, readWebhooks } from './event-lists';
import { readExtraHosts } from './extra-hosts';

/** What a request says beside its body. */
export interface RequestCircumstances {
  /** The task. */
  group: string;
  requestedFrom: string | null;
  /** Seconds that no execution may pass. */
  hardTimeoutSeconds: number;
  now: Date;
}

/**
 * The engine's request for the body of an enqueue. Checked whole before anything is written, in the order in which fastlane checks.
 * @throws TextRefused, DomainError invalid_parameter
 */
export function commandRequest(body: unknown, circumstances: RequestCircumstances): CommandRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new TextRefused('Failed to enqueue task because JSON body must be an object.');
  const { image, command, startAt, startIn, cron } = body as Record<string, unknown>;
  if (isAbsent(image) || isAbsent(command)) throw new TextRefused('image and command must be filled in the request.');
  if ([startAt, startIn, cron].filter((value) => !isAbsent(value)).length > 1)
    throw new TextRefused("Only ONE of 'startAt', 'startIn' and 'cron' should be in the request.");
  const dto = readDto(EnqueueDto, body);
  return {
    group: circumstances.group,
    image: dto.image,
    command: dto.command,
    environment: readEnvironment(dto.envs ?? {}),
    extraHosts: readExtraHosts(dto.additionalDNSEntries ?? {}),
    custom: customData(dto.metadata),
    retries: dto.retries ?? 0,
    retryPull: dto.retryOnPullFailure ?? false,
    expiration: isAbsent(dto.expiration) ? null : momentOf(dto.expiration),
    timeoutSeconds: effectiveTimeout(dto.timeout, circumstances.hardTimeoutSeconds),
    memoryBytes: isAbsent(dto.memory) ? null : readMemorySize(dto.memory)!,
    cpus: dto.cpus ?? null,
    keptRuns: dto.maxKeptExecutions ?? null,
    groupLimit: dto.maxConcurrentExecutions ?? null,
    notify: readNotify(dto.notify ?? {}),
    webhooks: readWebhooks(dto.webhooks ?? {}),
    when: commandTime(dto, circumstances.now),
    requestedFrom: circumstances.requestedFrom,
  };
}

/** All that lies before 1970 is as long past as 1970 is; PostgreSQL reads no year before the first in this form. */
function momentOf(time: unknown): Date {
  return new Date(Math.max(0, readUnixSeconds(time)!) * 1000);
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** Anything but an object is left out in silence, as it always was. */
function customData(metadata: unknown): Record<string, unknown> {
  return typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
    ? (metadata as Record<string, unknown>)
    : {};
}

/**
 * Whole seconds, rounded up. 0 and less used to end an execution at the first look at it, some seconds after its start: one second is what
 * comes nearest.
 */
function effectiveTimeout(asked: number | undefined, hardLimit: number): number {
  return asked === undefined ? hardLimit : Math.max(1, Math.min(Math.ceil(asked), hardLimit));
}

/** An empty value and 0 mean now. A moment that has passed is a moment: the job counts as scheduled, and runs as soon as it can. */
function commandTime({ cron, startAt, startIn, timezone }: EnqueueDto, now: Date): CommandTime {
  // the rule itself is checked where it is read, before anything is written
  if (cron) return { kind: 'cron', cron, timezone: timezone ?? 'UTC' };
  const at = isAbsent(startAt) ? 0 : readUnixSeconds(startAt)!;
  if (at !== 0) return { kind: 'at', at: momentOf(at) };
  const seconds = isAbsent(startIn) ? 0 : readStartIn(startIn)!;
  return seconds === 0 ? { kind: 'now' } : { kind: 'at', at: new Date(now.getTime() + seconds * 1000) };
}
