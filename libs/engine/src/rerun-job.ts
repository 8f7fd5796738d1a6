import { Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { Database } from '@task-engine/database';
import { BreakJob } from './break-job';
import { HintSender } from './hints';
import { ENGINE_LANE, Lanes } from './lanes';
import { SubmitJob } from './submit-job';

/** Submits a job again with exactly its parameters and breaks the original, in one transaction. */
@Injectable()
export class RerunJob {
  constructor(
    private readonly database: Database,
    private readonly submitJob: SubmitJob,
    private readonly breakJob: BreakJob,
    private readonly lanes: Lanes,
    private readonly hints: HintSender,
  ) {}

  /**
   * @returns the id of the new job
   * @throws DomainError not_found, or what a submission of the same parameters throws now; the original stays as it is then
   */
  async run(input: {
    client: { id: number; name: string };
    jobId: string;
    requestLog: string;
  }): Promise<{ id: string }> {
    const laneId = await this.lanes.id(ENGINE_LANE);
    const { id, hints } = await this.database.transaction(async (stores) => {
      const original = await stores.jobs.lock(input.jobId, input.client.id, laneId);
      if (!original) throw new DomainError('not_found', `Unknown job: ${input.jobId}`);
      const job = await this.submitJob.prepare({
        client: input.client,
        workflow: original.workflow,
        parameters: original.submitted,
        priority: original.priority,
        persist: original.persist,
        requestLog: input.requestLog,
      });
      const broken = await this.breakJob.within(stores, original.id, 'run again by its client');
      const [id] = await stores.jobs.insert([{ ...job, rerunOf: original.id }]);
      await stores.jobLog.append([
        {
          jobId: original.id,
          progname: 'api',
          message: `Run again as job ${id}`,
        },
        {
          jobId: id!,
          progname: 'api',
          message: `Rerun of job ${original.id}`,
        },
      ]);
      return {
        id: id!,
        hints: {
          ...broken,
          lanes: [job.laneId],
          dueChanged: job.state === 'scheduled',
        },
      };
    });
    await this.hints.send(hints);
    return { id };
  }
}
