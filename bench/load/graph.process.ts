import { Pool } from 'undici';
import { serve } from '../harness/child';

export interface GraphRequest {
  url: string;
  headers: Record<string, string>;
  command: string;
  /** Tasks of each layer, from the first one on. */
  layers: number[];
  /** How many of the layer before each task depends on; all of it when it is smaller. */
  parents: number;
  connections: number;
}

export interface GraphResult {
  /** Ids of all tasks, numbers of their jobs. */
  ids: string[];
}

const procedures = {
  /** POST /api/tasks for each task of a layered graph, layer after layer. @throws Error when one is not answered 201 */
  async build({ url, headers, command, layers, parents, connections }: GraphRequest): Promise<GraphResult> {
    const pool = new Pool(url, { connections });
    const create = async (name: string, dependencies: string[]): Promise<string> => {
      const answer = await pool.request({
        method: 'POST',
        path: '/api/tasks',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ name, command, dependencies, max_retries: 0 }),
      });
      const text = await answer.body.text();
      if (answer.statusCode !== 201) throw new Error(`POST /api/tasks answered ${answer.statusCode}: ${text}`);
      return (JSON.parse(text) as { data: { id: string } }).data.id;
    };
    const ids: string[] = [];
    let before: string[] = [];
    for (const [layer, size] of layers.entries()) {
      const count = Math.min(parents, before.length);
      before = await Promise.all(
        Array.from({ length: size }, (_, n) =>
          create(
            `${layer}/${n}`,
            Array.from({ length: count }, (_, step) => before[(n + step) % before.length]!),
          ),
        ),
      );
      ids.push(...before);
    }
    await pool.close();
    return { ids: ids.map((id) => id.slice('task-'.length)) };
  },
};

export type GraphLoad = typeof procedures;

serve(procedures);
