import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { HintSender } from '../hints';
import { WebhookEvents } from '../webhooks/webhook-events';
import { workerEvent } from './worker-events';

/** Tells of workers that have stopped or fallen silent, once for each, and makes room in the lanes for what those that are there can do. */
@Injectable()
export class WatchWorkers {
  constructor(
    private readonly database: Database,
    private readonly events: WebhookEvents,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param silentToo also those that have fallen silent: not while it may be that nobody could be heard
   * @returns how many are gone
   */
  async run(silentToo = true): Promise<number> {
    const { gone, deliveries } = await this.database.transaction(async (stores) => {
      const gone = await stores.workers.goneOffline(silentToo);
      const events = gone.map((worker) => workerEvent('worker.offline', worker));
      return { gone: gone.length, deliveries: await this.events.deliver(stores, events) };
    });
    // of itself a lane would let as many run as one worker takes
    const lanes = await this.database.stores.graphLanes.widen();
    await this.hints.send({ deliveries, lanes });
    return gone;
  }
}
