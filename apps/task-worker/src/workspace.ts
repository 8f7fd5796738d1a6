import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Inject, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { isFinalJobState } from '@task-engine/domain';
import { NotificationServer } from '@task-engine/messaging';
import { CONFIGURATION, Log, type WorkerConfiguration } from '@task-engine/platform';

/** Folders of jobs under DATA_DIR/work, shared by the job's tasks. With workers on several machines DATA_DIR is a shared volume. */
@Injectable()
export class Workspace implements OnApplicationBootstrap {
  private readonly base: string;
  private readonly busy = new Map<string, number>();
  private readonly doomed = new Set<string>();

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
    void this.removeLeftovers().catch((error: unknown) =>
      this.log.warn({ err: error }, 'left-over work folders were not removed'),
    );
  }

  /** The job's folder, created; `leave` must follow. */
  async enter(jobId: string): Promise<string> {
    this.busy.set(jobId, (this.busy.get(jobId) ?? 0) + 1);
    const folder = join(this.base, jobId);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  async leave(jobId: string): Promise<void> {
    const left = (this.busy.get(jobId) ?? 1) - 1;
    if (left > 0) {
      this.busy.set(jobId, left);
      return;
    }
    this.busy.delete(jobId);
    if (this.doomed.delete(jobId)) await this.delete(jobId);
  }

  /** Removes a folder now, or when the last task of the job in this process has left it. */
  async remove(jobId: string): Promise<void> {
    if (this.busy.has(jobId)) this.doomed.add(jobId);
    else await this.delete(jobId);
  }

  /** Folders of jobs that ended while no worker of this machine lived. */
  private async removeLeftovers(): Promise<void> {
    const ids = (await readdir(this.base).catch(() => [])).filter((name) => /^\d+$/.test(name));
    const jobs = new Map((await this.database.stores.jobs.findAll(ids)).map((job) => [job.id, job.state]));
    for (const id of ids) {
      const state = jobs.get(id);
      if (state === undefined || isFinalJobState(state)) await this.remove(id);
    }
  }

  private async delete(jobId: string): Promise<void> {
    await rm(join(this.base, jobId), { recursive: true, force: true });
  }
}
