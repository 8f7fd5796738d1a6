import autocannon from 'autocannon';
import { serve } from '../harness/child';
import { percentile } from '../harness/verdict';

export interface HttpLoadRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  /** Requests in all. */
  count: number;
  connections: number;
  /** Field of each answer that is its id [id]. */
  idField?: string;
}

export interface HttpLoadResult {
  /** From the first request sent to the last answer. */
  seconds: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Id of each answer. */
  ids: string[];
}

const procedures = {
  /**
   * The same POST again and again over a fixed number of connections, each sending the next one when it has its answer.
   * @throws Error when one was not answered 2xx with an id
   */
  async post({ url, headers, body, count, connections, idField = 'id' }: HttpLoadRequest): Promise<HttpLoadResult> {
    const { origin, pathname } = new URL(url);
    const ids: string[] = [];
    const times: number[] = [];
    const onResponse = (status: number, text: string) => {
      if (status >= 200 && status < 300) ids.push(String((JSON.parse(text) as Record<string, unknown>)[idField]));
    };
    const began = performance.now();
    let last = began;
    const { errors, timeouts, non2xx } = await new Promise<autocannon.Result>((done, refuse) => {
      const request = { method: 'POST', path: pathname, headers, body, onResponse };
      const options = { url: origin, connections, amount: count, timeout: 30, requests: [request] };
      const load = autocannon(options, (error, result) => (error ? refuse(error) : done(result)));
      load.on('response', (_client, _status, _bytes, milliseconds: number) => {
        times.push(milliseconds);
        last = performance.now();
      });
    });
    if (errors + timeouts + non2xx > 0 || ids.length !== count) {
      const faults = `${errors} errors, ${timeouts} time-outs, ${non2xx} refused, ${ids.length} ids`;
      throw new Error(`${count} requests to ${pathname}: ${faults}`);
    }
    const seconds = (last - began) / 1000;
    return { seconds, perSecond: count / seconds, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99), ids };
  },
};

export type HttpLoad = typeof procedures;

serve(procedures);
