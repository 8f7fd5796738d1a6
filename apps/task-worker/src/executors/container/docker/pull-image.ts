import { HostUnreachable, PullFailure } from '../runtime';
import { EngineRefusal, type EngineConnection } from './engine-connection';
import type { ImageReference } from './image-reference';
import { limited, TimeOver } from './limited';
import type { RuntimeLimits } from './runtime-options';

/**
 * `missing`: what the host has is used, the rest pulled. `always`: the registry's version or none; a run does not silently get an old image
 * because the registry is down (whoever prefers that takes `missing`). `never`: only what the host has.
 */
export type PullPolicy = 'always' | 'missing' | 'never';

/** Docker begins to answer a pull when the registry has answered it: seconds until the engine itself is asked whether it is there. */
const FIRST_WORD_SECONDS = 300;

/**
 * Makes an image ready on a host.
 * @throws PullFailure when the engine answers but has no image; HostUnreachable; the reason of the signal
 */
export async function pullImage(
  engine: EngineConnection,
  image: ImageReference,
  policy: PullPolicy,
  limits: RuntimeLimits,
  signal: AbortSignal,
): Promise<void> {
  if (policy !== 'always' && (await isPresent(engine, image, limits, signal))) return;
  if (policy === 'never') throw new PullFailure(`No such image on the host, and none is pulled: ${image.text}`);
  try {
    await limited({ signals: [signal], seconds: limits.pullSeconds }, (limit) => pull(engine, image, limits, limit));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineRefusal) throw new PullFailure(error.message, { cause: error });
    if (error instanceof TimeOver) throw new PullFailure(`${image.text} was not pulled within ${limits.pullSeconds} s`);
    throw error;
  }
}

async function isPresent(
  engine: EngineConnection,
  image: ImageReference,
  { requestSeconds }: RuntimeLimits,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await engine.request({ seconds: requestSeconds, signal }, { method: 'GET', path: `/images/${image.text}/json` });
    return true;
  } catch (error) {
    if (!(error instanceof EngineRefusal)) throw error;
    if (error.status === 404) return false;
    throw new PullFailure(error.message, { cause: error });
  }
}

/** The registry's fault comes as a status or, once the engine has begun to answer, as a line of its answer. */
async function pull(
  engine: EngineConnection,
  image: ImageReference,
  { pingSeconds, quietSeconds }: RuntimeLimits,
  signal: AbortSignal,
): Promise<void> {
  const stillThere = () => engine.ping({ seconds: pingSeconds, signal });
  const opening = engine.open(
    { seconds: FIRST_WORD_SECONDS, signal, counts: false },
    { method: 'POST', path: '/images/create', query: { fromImage: image.name, tag: image.version } },
  );
  const stream = await opening.catch(async (error: unknown) => {
    if (!(error instanceof HostUnreachable)) throw error;
    // Counts against the host when it is at fault; else it was its registry.
    await stillThere();
    throw new PullFailure(`${image.text}: ${error.message}`, { cause: error });
  });
  const fault = new LastFault();
  await engine.read(
    stream,
    { signals: [signal], quietMs: quietSeconds * 1000, onQuiet: () => stillThere().then(() => 'go on') },
    (chunk) => fault.read(chunk),
  );
  if (fault.text !== undefined) throw new PullFailure(fault.text);
}

/** Reads an engine's progress, one JSON object a line, for the error that ends it. */
class LastFault {
  text: string | undefined;
  private rest = '';

  read(chunk: Buffer): void {
    const lines = (this.rest + chunk.toString('utf8')).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of [...lines, this.rest]) this.readLine(line);
  }

  private readLine(line: string): void {
    if (!line.includes('"error"')) return;
    try {
      const { error } = JSON.parse(line) as { error?: unknown };
      if (typeof error === 'string') this.text = error;
    } catch {
      // the rest of the line is still to come
    }
  }
}
