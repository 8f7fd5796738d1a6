import { type Message, SignedPostLoop } from './callbacks-floor';
import { serve } from './harness/child';

let loop: SignedPostLoop;

const procedures = {
  start: async ({ secret, perOrigin }: { secret: string; perOrigin: number }): Promise<void> => {
    loop = new SignedPostLoop(secret, perOrigin);
  },
  /** Sends all; answers the milliseconds that it took. */
  send: (messages: Message[]): Promise<number> => loop.run(messages),
};
export type FloorProcess = typeof procedures;
serve(procedures);
