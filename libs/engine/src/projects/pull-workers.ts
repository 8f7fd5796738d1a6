import { randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import type { PullWorker } from './views';

const SECRET_BYTES = 32;
/** A worker asks and reports all the time: it is looked up this seldom, in milliseconds. Neither its id nor its secret ever changes. */
const KNOWN_MS = 5_000;
/** Workers kept in memory. */
const KNOWN = 10_000;

/** Workers of others that pull tasks. */
@Injectable()
export class PullWorkers {
  /** Those that were looked up lately, in the order in which they were. */
  private readonly known = new Map<bigint, { worker: PullWorker; until: number }>();

  constructor(private readonly database: Database) {}

  create(alias: string): Promise<PullWorker> {
    return this.database.stores.pullWorkers.insert(alias, randomBytes(SECRET_BYTES));
  }

  /** The worker with this id and secret, as it was in the last seconds: a claim looks itself whether it was paused meanwhile. */
  async authenticate(id: bigint, secret: Buffer): Promise<PullWorker | 'unknown' | 'wrong_secret'> {
    const worker = this.recall(id) ?? (await this.lookUp(id));
    if (!worker) return 'unknown';
    // All secrets are equally long: that length tells nothing.
    return worker.secret.length === secret.length && timingSafeEqual(worker.secret, secret) ? worker : 'wrong_secret';
  }

  find(id: bigint): Promise<PullWorker | undefined> {
    return this.database.stores.pullWorkers.find(id);
  }

  async rename(id: number, alias: string): Promise<boolean> {
    const renamed = await this.database.stores.pullWorkers.rename(id, alias);
    this.known.delete(BigInt(id));
    return renamed;
  }

  async setPaused(id: bigint, paused: boolean): Promise<boolean> {
    const changed = await this.database.stores.pullWorkers.setPaused(id, paused);
    this.known.delete(id);
    return changed;
  }

  all(): Promise<PullWorker[]> {
    return this.database.stores.pullWorkers.all();
  }

  private recall(id: bigint): PullWorker | undefined {
    const entry = this.known.get(id);
    return entry && entry.until > performance.now() ? entry.worker : undefined;
  }

  private async lookUp(id: bigint): Promise<PullWorker | undefined> {
    const worker = await this.find(id);
    this.known.delete(id);
    if (!worker) return undefined;
    const [oldest] = this.known.keys();
    if (this.known.size >= KNOWN && oldest !== undefined) this.known.delete(oldest);
    this.known.set(id, { worker, until: performance.now() + KNOWN_MS });
    return worker;
  }
}
