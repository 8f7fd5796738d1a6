import type { Watch } from '@kubernetes/client-node';
import { Interruption } from '../docker/limited';

export interface WatchRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  /** After which it is enough; fractions allowed. */
  readonly seconds: number;
  readonly signals: readonly AbortSignal[];
}

/** Of an object, as opposed to a bookmark or an error. */
type Change = 'ADDED' | 'MODIFIED' | 'DELETED';

const ENOUGH = Symbol('enough');

/**
 * Shows each change of an object to `look`, until that answers something. Undefined when it did not before the time was over, or the connection.
 * @throws what `look` throws, the client's error when the server refused, or the reason of a signal
 */
export async function watchObjects<Shape, T>(
  watch: Watch,
  request: WatchRequest,
  look: (type: Change, object: Shape) => T | undefined,
): Promise<T | undefined> {
  const interruption = new Interruption(request.signals);
  const timer = setTimeout(() => interruption.raise(ENOUGH), request.seconds * 1_000);
  let opening: Promise<AbortController> | undefined;
  let over = false;
  try {
    return await interruption.race(
      () =>
        new Promise<T | undefined>((resolve, reject) => {
          // the server ends it too: a connection that nobody reads any more would stay open there
          const query = { ...request.query, timeoutSeconds: Math.ceil(request.seconds) };
          opening = watch.watch(
            request.path,
            query,
            (type, object) => {
              // lines that came together with the last one that was wanted
              if (over) return;
              // what is thrown here would be taken for a line that is no JSON
              try {
                if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return resolve(undefined);
                const answer = look(type, object as Shape);
                if (answer === undefined) return;
                over = true;
                resolve(answer);
              } catch (error) {
                over = true;
                reject(error);
              }
            },
            (error) => (isRefusal(error) ? reject(error) : resolve(undefined)),
          );
          opening.catch(reject);
        }),
    );
  } catch (error) {
    if (error === ENOUGH) return undefined;
    throw error;
  } finally {
    over = true;
    clearTimeout(timer);
    interruption.end();
    opening?.then(
      (connection) => connection.abort(),
      () => undefined,
    );
  }
}

/** Versions that are too old to be watched from are refused with 410; a fresh look has a new one. */
const GONE = 410;

function isRefusal(error: unknown): boolean {
  const { statusCode } = (error ?? {}) as { statusCode?: number };
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500 && statusCode !== GONE && statusCode !== 429;
}
