import { Injectable } from '@nestjs/common';
import type { OutputStream } from '@task-engine/domain';
import { type CommandRecord, Database, type RunRecord } from '@task-engine/database';
import type { CommandRequest } from './command-request';
import type {
  CommandView,
  GroupSummary,
  GroupView,
  LongText,
  OutputPiece,
  Page,
  RunHead,
  RunView,
  WebhookTry,
} from './command-views';
import { OutputReads } from './output-reads';

type WebhookTryRow = Awaited<ReturnType<Database['stores']['runDeliveries']['webhookTries']>>[number];

/** Failed tries of webhooks that are shown, the last ones (reference/fastlane.md 3.7). */
const FAILED_TRIES = 3;
/** An output up to this long is read with its run. Of longer ones in a list at least as much is shown, the end. */
const SHORT_BYTES = 65_536;
/** Of long outputs in a list of runs, the newest ones. A caller gets the whole log of a run as large as runs may have by default. */
const LISTED_BYTES = 16_777_216;
/** Of what was sent to a webhook in a list of runs, in characters. */
const LISTED_BODY = 16_384;

/** Commands, their groups and their runs, for readers. */
@Injectable()
export class ReadCommands {
  private readonly reads: OutputReads;

  constructor(private readonly database: Database) {
    this.reads = new OutputReads(database);
  }

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

  /**
   * Newest first. Of outputs that are too long for a list the ends, which `omitted` tells of.
   * @param page from 1
   */
  async runs(group: string, uuid: string, page: number, perPage: number): Promise<RunView[]> {
    const command = await this.database.stores.commands.find(group, uuid);
    if (!command) return [];
    const rows = await this.database.stores.runs.ofCommand(command.id, (page - 1) * perPage, perPage);
    return this.views(rows, { outputBytes: LISTED_BYTES, body: LISTED_BODY });
  }

  async lastRun(group: string, uuid: string): Promise<RunView | undefined> {
    const command = await this.database.stores.commands.find(group, uuid);
    return command && (await this.views(await this.database.stores.runs.ofCommand(command.id, 0, 1)))[0];
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
  async output(jobId: string, afterSeq: number, bytes: number): Promise<OutputPiece[]> {
    return this.reads.after(jobId, afterSeq, bytes);
  }

  /** The same for one reader of many who hold what they have read for as long as they like: little at a time, read for several at once. */
  async part(jobId: string, afterSeq: number): Promise<OutputPiece[]> {
    return this.reads.part(jobId, afterSeq);
  }

  async runState(jobId: string): Promise<Omit<RunHead, 'jobId'> | undefined> {
    return this.database.stores.runs.findByJob(jobId);
  }

  /** @param limits of all that is shown of long outputs, the first runs first, and of the body of one request */
  private async views(
    rows: RunRecord[],
    limits: { outputBytes: number; body: number | null } = { outputBytes: Infinity, body: null },
  ): Promise<RunView[]> {
    const ids = rows.map((row) => row.jobId);
    const { runDeliveries, runOutput } = this.database.stores;
    const [ends, tries] = await Promise.all([
      runOutput.ends(ids, SHORT_BYTES),
      runDeliveries.webhookTries(ids, FAILED_TRIES, limits.body),
    ]);
    let room = limits.outputBytes;
    return rows.map((row) => {
      const { jobId, host, port, containerId } = row;
      const omitted = { stdout: 0, stderr: 0 };
      const read = (stream: OutputStream): string | LongText => {
        const { octets, text } = ends.get(jobId)![stream];
        const missing = octets - Buffer.byteLength(text);
        if (missing === 0) return text;
        if (octets > room) {
          omitted[stream] = missing;
          return text;
        }
        room -= octets;
        return this.reads.text(jobId, stream, octets);
      };
      return {
        ...row,
        place: containerId === null ? null : { host: host!, port: port!, containerId },
        stdout: read('stdout'),
        stderr: read('stderr'),
        omitted,
        webhookTries: tries.filter((each) => each.jobId === jobId).map(webhookTry),
      };
    });
  }
}

function webhookTry(row: WebhookTryRow): WebhookTry {
  const { at, url, status, error, body, bodyOmitted, sentHeaders, answerHeaders, answerBody } = row;
  return {
    at,
    url,
    status,
    error,
    request: { headers: sentHeaders ?? {}, body, omitted: bodyOmitted },
    answer: answerHeaders && { headers: answerHeaders, body: answerBody ?? '' },
  };
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
