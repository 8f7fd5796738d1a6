import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { isFinalJobState } from '@task-engine/domain';
import { NotificationServer } from '@task-engine/messaging';
import { CONFIGURATION, Log, type WorkerConfiguration } from '@task-engine/platform';

/** Between two looks for folders whose jobs are over: left by a worker that died, or by a definition that does not clean up. */
const SWEEP_MS = 600_000;
/** A job's folder, or that of one execution of a command line. */
const FOLDER = /^\d+(\.\d+)?$/;

/** Folders of jobs under DATA_DIR/work, shared by the job's tasks. With workers on several machines DATA_DIR is a shared volume. */
@Injectable()
export class Workspace implements OnApplicationBootstrap {
  private readonly base: string;
  private readonly busy = new Map<string, number>();
  private readonly doomed = new Set<string>();
  private readonly leaving = new Map<string, Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly log: Log,
    notifications: NotificationServer,
    @Inject(CONFIGURATION) configuration: WorkerConfiguration,
  ) {
    this.base = resolve(configuration.DATA_DIR, 'work');
    notifications.handle('job.broken', ({ jobId }) => this.remove(jobId));
  }

  onApplicationBootstrap(): void {
    const sweep = () =>
      void this.removeLeftovers().catch((error: unknown) =>
        this.log.warn({ err: error }, 'left-over work folders were not removed'),
      );
    sweep();
    setInterval(sweep, SWEEP_MS).unref();
  }

  /** The job's folder, created; `leave` must follow. */
  async enter(jobId: string): Promise<string> {
    this.busy.set(jobId, (this.busy.get(jobId) ?? 0) + 1);
    await this.leaving.get(jobId);
    const folder = this.path(jobId);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** Where the job's folder is, or would be. */
  path(jobId: string): string {
    return join(this.base, jobId);
  }

  async leave(jobId: string): Promise<void> {
    const left = (this.busy.get(jobId) ?? 1) - 1;
    if (left > 0) {
      this.busy.set(jobId, left);
      return;
    }
    this.busy.delete(jobId);
    const gone = this.doomed.delete(jobId) ? this.delete(jobId) : this.deleteEmpty(jobId);
    this.leaving.set(jobId, gone);
    await gone.finally(() => this.leaving.delete(jobId));
  }

  /** Removes a folder now, or when the last task of the job in this process has left it. */
  async remove(jobId: string): Promise<void> {
    if (this.busy.has(jobId)) this.doomed.add(jobId);
    else await this.delete(jobId);
  }

  /** One that cannot be removed (a command line can make such) does not keep the others. */
  private async removeLeftovers(): Promise<void> {
    const folders = (await readdir(this.base).catch(() => [])).filter((name) => FOLDER.test(name));
    const ids = [...new Set(folders.map(jobOf))];
    const jobs = new Map((await this.database.stores.jobs.findAll(ids)).map((job) => [job.id, job.state]));
    for (const folder of folders) {
      const state = jobs.get(jobOf(folder));
      if (state !== undefined && !isFinalJobState(state)) continue;
      await this.remove(folder).catch((error: unknown) =>
        this.log.warn({ err: error, folder }, 'a left-over work folder was not removed'),
      );
    }
  }

  /** Most tasks write nothing: an empty folder goes at once, one with files is the next task's. */
  private async deleteEmpty(jobId: string): Promise<void> {
    await rmdir(join(this.base, jobId)).catch(() => undefined);
  }

  private async delete(jobId: string): Promise<void> {
    await rm(join(this.base, jobId), { recursive: true, force: true });
  }
}

function jobOf(folder: string): string {
  return folder.split('.')[0]!;
}
