import { Queue } from 'bullmq';
import { Pool } from 'undici';
import { serve } from '../harness/child';
import { monotonicMs } from '../harness/clocks';
import { redisOptions } from '../peers/redis-options';

export interface OpenLoopRequest {
  perSecond: number;
  count: number;
}

export interface HttpOpenLoopRequest extends OpenLoopRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export interface BullmqOpenLoopRequest extends OpenLoopRequest {
  redisUrl: string;
  queue: string;
}

/** When each job was sent, in ms of the monotonic clock, by its id. */
export type Sent = [id: string, at: number][];

/**
 * Sends at times that the clock fixes beforehand, whether or not there have been answers: a slow answer does not thin out the load.
 * @param send gets the number of the request
 */
async function openLoop({ perSecond, count }: OpenLoopRequest, send: (n: number) => Promise<string>): Promise<Sent> {
  const began = monotonicMs();
  const answers: Promise<[string, number]>[] = [];
  while (answers.length < count) {
    const due = began + (answers.length * 1000) / perSecond;
    const early = due - monotonicMs();
    if (early > 0) await new Promise((done) => setTimeout(done, early));
    const at = monotonicMs();
    answers.push(send(answers.length).then((id) => [id, at]));
  }
  return Promise.all(answers);
}

const procedures = {
  async http({ url, headers, body, ...loop }: HttpOpenLoopRequest): Promise<Sent> {
    const { origin, pathname } = new URL(url);
    const pool = new Pool(origin, { connections: 32 });
    try {
      return await openLoop(loop, async () => {
        const answer = await pool.request({ method: 'POST', path: pathname, headers, body });
        const text = await answer.body.text();
        if (answer.statusCode !== 200) throw new Error(`${pathname} answered ${answer.statusCode}: ${text}`);
        return String((JSON.parse(text) as { id: unknown }).id);
      });
    } finally {
      await pool.close();
    }
  },

  async bullmq({ redisUrl, queue: name, ...loop }: BullmqOpenLoopRequest): Promise<Sent> {
    const queue = new Queue(name, { connection: redisOptions(redisUrl) });
    await queue.waitUntilReady();
    try {
      return await openLoop(loop, async (n) => (await queue.add('job', { n })).id!);
    } finally {
      await queue.close();
    }
  },
};

export type OpenLoop = typeof procedures;

serve(procedures);
