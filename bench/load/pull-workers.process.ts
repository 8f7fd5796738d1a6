import { Pool } from 'undici';
import { serve } from '../harness/child';

export interface PullWorkersRequest {
  url: string;
  project: number;
  /** Each works alone: it asks for its next task when it has given the last one back. */
  workers: { id: number; secret: string }[];
  /** Tasks in all; they end when these have come. */
  count: number;
}

export interface PullWorkersResult {
  /** From the first request sent to the last answer. */
  seconds: number;
  /** Of the tasks that came and were given back, in any order. */
  ids: string[];
  requests: number;
}

interface Answer {
  ok: boolean;
  message?: string;
  content?: { task?: { id: number; recipe: string }; updated?: boolean };
}

/** Between two questions of a worker that got nothing, in milliseconds. */
const IDLE_MS = 20;

const procedures = {
  /** Workers of task_tracker: get, release, again. @throws Error when an answer is not what a worker can go on with */
  async work({ url, project, workers, count }: PullWorkersRequest): Promise<PullWorkersResult> {
    const pool = new Pool(url, { connections: workers.length });
    const ids: string[] = [];
    let requests = 0;
    const began = performance.now();
    let last = began;
    const ask = async (method: 'GET' | 'POST', path: string, headers: Record<string, string>, body?: string) => {
      const answer = await pool.request({ method, path, headers, body });
      const text = await answer.body.text();
      requests += 1;
      last = performance.now();
      if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${text}`);
      return JSON.parse(text) as Answer;
    };
    const work = async ({ id, secret }: { id: number; secret: string }) => {
      const headers = { 'x-worker-id': String(id), 'x-secret': secret };
      while (ids.length < count) {
        const { content } = await ask('GET', `/task/get/${project}`, headers);
        if (!content?.task) {
          await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
          continue;
        }
        const release = JSON.stringify({ task_id: content.task.id, result: 0 });
        const { content: released } = await ask('POST', '/task/release', headers, release);
        if (released?.updated !== true) throw new Error(`task ${content.task.id} was not taken back`);
        ids.push(String(content.task.id));
      }
    };
    await Promise.all(workers.map(work));
    await pool.close();
    return { seconds: (last - began) / 1000, ids, requests };
  },

  /** The same GET again and again over some connections. */
  async get({ url, connections, count }: { url: string; connections: number; count: number }) {
    const { origin, pathname } = new URL(url);
    const pool = new Pool(origin, { connections });
    const ids: string[] = [];
    let sent = 0;
    const began = performance.now();
    const loop = async () => {
      while (sent < count) {
        sent += 1;
        const answer = await pool.request({ method: 'GET', path: pathname });
        ids.push(String(((await answer.body.json()) as { id: number }).id));
      }
    };
    await Promise.all(Array.from({ length: connections }, loop));
    const seconds = (performance.now() - began) / 1000;
    await pool.close();
    return { seconds, ids };
  },
};

export type PullWorkersLoad = typeof procedures;

serve(procedures);
