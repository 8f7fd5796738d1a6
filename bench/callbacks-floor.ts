import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';

/** One message as the floor gets it: what the dispatcher reads from its rows. */
export interface Message {
  id: string;
  url: string;
  body: string;
}

/**
 * The floor of callbacks: nothing but signing and POSTing with the HTTP library that the dispatcher uses, as many requests at one time to
 * each origin as it allows. No rows, no retry, no time-out, no address rules.
 */
export class SignedPostLoop {
  private readonly key: Buffer;
  private readonly agent: Agent;

  /** @param secret `whsec_` and the base64 of the key @param perOrigin requests to one origin at one time */
  constructor(
    secret: string,
    private readonly perOrigin: number,
  ) {
    this.key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    this.agent = new Agent({ connections: perOrigin });
  }

  /**
   * Sends all messages, each once.
   * @returns milliseconds from the first to the last answer
   * @throws Error at an answer other than 200
   */
  async run(messages: readonly Message[]): Promise<number> {
    const urls = [...new Set(messages.map(({ url }) => url))];
    // one iterator for all senders of an endpoint: each takes the next message
    const queues = urls.map((url) => messages.filter((message) => message.url === url).values());
    const began = performance.now();
    await Promise.all(queues.flatMap((queue) => Array.from({ length: this.perOrigin }, () => this.sendAll(queue))));
    return performance.now() - began;
  }

  async close(): Promise<void> {
    await this.agent.close();
  }

  private async sendAll(messages: Iterable<Message>): Promise<void> {
    for (const { id, url, body } of messages) {
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const signature = createHmac('sha256', this.key).update(`${id}.${timestamp}.${body}`).digest('base64');
      const { statusCode, body: answer } = await request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${signature}`,
        },
        body,
        dispatcher: this.agent,
      });
      await answer.dump();
      if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
    }
  }
}
