/** What of autocannon's interface is used here; the package comes without types. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  namespace autocannon {
    interface Options {
      url: string;
      connections: number;
      /** Requests in all. */
      amount: number;
      /** Seconds without an answer until a connection counts as failed. */
      timeout?: number;
      requests: {
        method: string;
        path: string;
        headers: Record<string, string>;
        body: string;
        onResponse?: (status: number, body: string) => void;
      }[];
    }

    interface Result {
      errors: number;
      timeouts: number;
      non2xx: number;
    }
  }

  /** Emits `response` with (client, status, bytes, milliseconds). */
  function autocannon(
    options: autocannon.Options,
    done: (error: Error | null, result: autocannon.Result) => void,
  ): EventEmitter;

  export = autocannon;
}
