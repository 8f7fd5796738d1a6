import { Injectable } from '@nestjs/common';
import { type CommandRecord, Database, type RunRecord } from '@task-engine/database';
import type { CommandRequest } from './command-request';
import type {
  CommandView,
  GroupSummary,
  GroupView,
  OutputPiece,
  Page,
  RunHead,
  RunView,
  WebhookTry,
} from './command-views';

/** Of output in one answer of `output`, unless one piece alone is longer. */
const OUTPUT_BYTES = 1_048_576;
/** Failed tries of webhooks that are shown, the last ones (reference/fastlane.md 3.7). */
const FAILED_TRIES = 3;

/** Commands, their groups and their runs, for readers. */
@Injectable()
export class ReadCommands {
  constructor(private readonly database: Database) {}

  /** @param page from 1 */
  async groups(page: number, perPage: number): Promise<Page<GroupSummary>> {
    const { commands } = this.database.stores;
    const [items, total] = await Promise.all([commands.groups((page - 1) * perPage, perPage), commands.countGroups()]);
    return { items, total };
  }

  /** Groups whose names have any word of the query. */
  async search(query: string, page: number, perPage: number): Promise<Page<GroupSummary>> {
    const { commands } = this.database.stores;
    const words = query.split(/[^\p{L}\p{N}_]+/u).filter((word) => word !== '');
    const [items, total] = await Promise.all([
      commands.search(words, (page - 1) * perPage, perPage),
      commands.countFound(words),
    ]);
    return { items, total };
  }

  async group(name: string): Promise<GroupView | undefined> {
    const { commands } = this.database.stores;
    const group = await commands.findGroup(name);
    return group && { name, commands: await commands.ofGroup(group.id) };
  }

  async command(group: string, uuid: string): Promise<CommandView | undefined> {
    const { commands, runs } = this.database.stores;
    const command = await commands.find(group, uuid);
    return command && commandView(command, await runs.countOf(command.id));
  }

  /** Newest first. @param page from 1 */
  async runs(group: string, uuid: string, page: number, perPage: number): Promise<RunView[]> {
    const command = await this.database.stores.commands.find(group, uuid);
    if (!command) return [];
    return this.views(await this.database.stores.runs.ofCommand(command.id, (page - 1) * perPage, perPage));
  }

  async lastRun(group: string, uuid: string): Promise<RunView | undefined> {
    return (await this.runs(group, uuid, 1, 1))[0];
  }

  async run(group: string, uuid: string, runUuid: string): Promise<RunView | undefined> {
    const command = await this.database.stores.commands.find(group, uuid);
    const run = command && (await this.database.stores.runs.find(command.id, runUuid));
    return run && (await this.views([run]))[0];
  }

  /** A run, the last one unless it is named, without what it has written. */
  async findRun(group: string, uuid: string, runUuid?: string): Promise<RunHead | undefined> {
    const { commands, runs } = this.database.stores;
    const command = await commands.find(group, uuid);
    if (!command) return undefined;
    return runUuid === undefined ? (await runs.ofCommand(command.id, 0, 1))[0] : runs.find(command.id, runUuid);
  }

  /** All of a run, with what it has written. It may be gone since. */
  async whole({ jobId }: RunHead): Promise<RunView | undefined> {
    const run = await this.database.stores.runs.findByJob(jobId);
    return run && (await this.views([run]))[0];
  }

  /**
   * Pieces of a run's output behind `afterSeq`, in order; none when there is nothing more as yet.
   * @param bytes after which no further piece is taken
   */
  async output(jobId: string, afterSeq: number, bytes = OUTPUT_BYTES): Promise<OutputPiece[]> {
    return this.database.stores.runOutput.after(jobId, afterSeq, bytes);
  }

  async runState(jobId: string): Promise<Omit<RunHead, 'jobId'> | undefined> {
    return this.database.stores.runs.findByJob(jobId);
  }

  private async views(rows: RunRecord[]): Promise<RunView[]> {
    const ids = rows.map((row) => row.jobId);
    const { runDeliveries, runOutput } = this.database.stores;
    const [outputs, tries] = await Promise.all([runOutput.whole(ids), runDeliveries.webhookTries(ids)]);
    return rows.map((row) => {
      const { host, port, containerId } = row;
      return {
        ...row,
        place: containerId === null ? null : { host: host!, port: port!, containerId },
        ...outputs.get(row.jobId)!,
        webhookTries: shownTries(
          tries
            .filter((each) => each.jobId === row.jobId)
            .map(({ at, url, status, error, body, sentHeaders, answerHeaders, answerBody }) => ({
              at,
              url,
              status,
              error,
              request: { headers: sentHeaders ?? {}, body },
              answer: answerHeaders && { headers: answerHeaders, body: answerBody ?? '' },
            })),
        ),
      };
    });
  }
}

export function commandView(command: CommandRecord, runCount: number): CommandView {
  const { request, nextAt } = command;
  const { expiration, ...rest } = request as unknown as Omit<CommandView['request'], 'expiration'> & {
    expiration: string | null;
  };
  return {
    group: command.group,
    uuid: command.uuid,
    image: command.image,
    command: command.command,
    createdAt: command.createdAt,
    updatedAt: command.updatedAt,
    scheduled: nextAt !== null,
    nextAt,
    queueId: command.queueId,
    retryCount: command.retryCount,
    requestedFrom: command.requestedFrom,
    request: {
      ...(rest as CommandRequest & CommandView['request']),
      expiration: expiration === null ? null : new Date(expiration),
    },
    runCount,
  };
}

function shownTries(tries: WebhookTry[]): WebhookTry[] {
  const failed = tries.filter((each) => each.error !== null);
  const hidden = new Set(failed.slice(0, -FAILED_TRIES));
  return tries.filter((each) => !hidden.has(each));
}
