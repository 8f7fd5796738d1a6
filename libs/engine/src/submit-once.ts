import { Injectable } from '@nestjs/common';
import { DomainError, type Json } from '@task-engine/domain';
import { Database, type KeptSubmission } from '@task-engine/database';
import { digestOf } from '@task-engine/workflows';
import { HintSender } from './hints';
import { hintsOf, SubmitJob, type Submitted } from './submit-job';

/** Another request took the key first; what this one wrote has been rolled back. */
class KeyTaken extends Error {}

/**
 * Accepts a job that names an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): however often it is sent, also at the same
 * time and to several gateways, one job comes of it. The key is written in the transaction of the job, so that a refused submission takes
 * none, and one whose answer was lost after COMMIT is found at its repeat. Apart from SubmitJob: that path pays nothing for this one.
 */
@Injectable()
export class SubmitOnce {
  constructor(
    private readonly database: Database,
    private readonly submitJob: SubmitJob,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param key of the client, 1 to 255 characters
   * @param request what must be the same at a repeat
   * @returns the id of the job, which an earlier submission may have made
   * @throws DomainError key_reused when the key came with another request before, and what SubmitJob throws
   */
  async run(key: string, request: Json, submitted: Submitted): Promise<{ id: string }> {
    const clientId = submitted.client.id;
    const fingerprint = digestOf(request);
    // Before the checks: what was accepted once is answered so again, even if its workflow is gone since.
    const earlier = await this.earlier(clientId, key, fingerprint);
    if (earlier) return earlier;
    const job = await this.submitJob.prepare(submitted);
    try {
      const id = await this.database.transaction(async (stores) => {
        const [inserted] = await stores.jobs.insert([job]);
        // The key comes last: whoever waits for it waits for a COMMIT only, and who gets it needs no further look.
        if (!(await stores.idempotencyKeys.keep(clientId, key, { jobId: inserted!, fingerprint })))
          throw new KeyTaken();
        return inserted!;
      });
      await this.hints.send(hintsOf(job));
      return { id };
    } catch (error) {
      if (!(error instanceof KeyTaken)) throw error;
      const winner = await this.earlier(clientId, key, fingerprint);
      if (!winner) throw new DomainError('unavailable', 'The Idempotency-Key was just removed', { cause: error });
      return winner;
    }
  }

  private async earlier(clientId: number, key: string, fingerprint: string): Promise<{ id: string } | undefined> {
    const kept: KeptSubmission | undefined = await this.database.stores.idempotencyKeys.find(clientId, key);
    if (kept && kept.fingerprint !== fingerprint)
      throw new DomainError('key_reused', 'This Idempotency-Key was used for another request');
    return kept && { id: kept.jobId };
  }
}
