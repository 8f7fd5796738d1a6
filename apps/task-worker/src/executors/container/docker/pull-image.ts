import { HostUnreachable, PullFailure } from '../runtime';
import { EngineRefusal, type EngineConnection } from './engine-connection';
import type { ImageReference } from './image-reference';
import { limited, TimeOver } from './limited';
import type { RuntimeLimits } from './runtime-options';

/**
 * `missing`: what the host has is used, the rest pulled. `always`: the registry's version, and what the host has while the registry does not
 * answer; an image that the registry refuses or does not know is not run. `never`: only what the host has.
 */
export type PullPolicy = 'always' | 'missing' | 'never';

/** Docker begins to answer a pull when the registry has answered it: seconds until the engine itself is asked whether it is there. */
const FIRST_WORD_SECONDS = 300;

export interface PullOptions {
  readonly policy: PullPolicy;
  readonly limits: RuntimeLimits;
  readonly log?: (message: string) => void;
}

/** A registry did not answer, as opposed to one that said no. */
class RegistryAway extends PullFailure {}

/**
 * What engines say, in words only, of a registry that they cannot reach or that is not well. Whatever they say else counts as its answer: then the
 * run fails rather than get an old image.
 */
const AWAY =
  /dial tcp|lookup \S+|connection (?:refused|reset)|broken pipe|no route to host|unreachable|time(?:d )?out|deadline exceeded|awaiting headers|unexpected EOF|: EOF\b|(?:bad gateway|service unavailable|internal server error)|received unexpected HTTP status: 5/i;

/**
 * Makes an image ready on a host.
 * @throws PullFailure when the engine answers but has no image; HostUnreachable; the reason of the signal
 */
export async function pullImage(
  engine: EngineConnection,
  image: ImageReference,
  { policy, limits, log }: PullOptions,
  signal: AbortSignal,
): Promise<void> {
  if (policy !== 'always' && (await isPresent(engine, image, limits, signal))) return;
  if (policy === 'never') throw new PullFailure(`No such image on the host, and none is pulled: ${image.text}`);
  try {
    await pullWithin(engine, image, limits, signal);
  } catch (error) {
    if (policy !== 'always' || !(error instanceof RegistryAway)) throw error;
    if (!(await isPresent(engine, image, limits, signal))) throw error;
    log?.(
      `${engine.host.name}: runs ${image.text} as the host has it, for its registry does not answer: ${error.message}`,
    );
  }
}

/** @throws PullFailure, RegistryAway, HostUnreachable; the reason of the signal */
async function pullWithin(
  engine: EngineConnection,
  image: ImageReference,
  limits: RuntimeLimits,
  signal: AbortSignal,
): Promise<void> {
  try {
    await limited({ signals: [signal], seconds: limits.pullSeconds }, (limit) => pull(engine, image, limits, limit));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineRefusal) throw failureOf(error.message, error);
    if (error instanceof TimeOver)
      throw new RegistryAway(`${image.text} was not pulled within ${limits.pullSeconds} s`, { cause: error });
    throw error;
  }
}

function failureOf(said: string, cause?: unknown): PullFailure {
  return AWAY.test(said) ? new RegistryAway(said, { cause }) : new PullFailure(said, { cause });
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
    throw new RegistryAway(`${image.text}: ${error.message}`, { cause: error });
  });
  const fault = new LastFault();
  await engine.read(
    stream,
    { signals: [signal], quietMs: quietSeconds * 1000, onQuiet: () => stillThere().then(() => 'go on') },
    (chunk) => fault.read(chunk),
  );
  if (fault.text !== undefined) throw failureOf(fault.text);
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
