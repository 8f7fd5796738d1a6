import { join, relative } from 'node:path';
import { configurationOrExit, type LocalRunConfiguration, localRunSchema } from '@task-engine/platform';
import { ClientConfigurations } from '@task-engine/workflows';
import { BorrowedSettings } from './demo/borrowed-settings';
import { captureDemo } from './demo/capture';
import { Checks } from './demo/checks';
import { demoPlace, type DemoPlace, ownFolder } from './demo/demo-place';
import { DemoServer } from './demo/demo-server';
import { EngineClient } from './demo/engine-client';
import { type MediaTools, mediaTools } from './demo/media-tools';
import { Screen } from './demo/screen';
import { priorityDemo, retryDemo, runAtDemo, semaphoreDemo, type SmallJobs } from './demo/small-jobs';
import { makeTestVideo, PICTURE, VIDEO_SECONDS } from './demo/test-video';
import { LocalError, reasonOf } from './local/local-error';
import { LOCAL_DEFAULTS, LocalSuite } from './local/local-suite';
import { ConsoleProgress } from './local/progress';
import { onStopSignals } from './local/stop-signals';

/** Ctrl-C, the way shells count it. */
const INTERRUPTED = 130;

/** `npm run demo`: the whole suite on this machine, real jobs through it, every claim checked. @returns the exit code */
async function main(env: NodeJS.ProcessEnv): Promise<number> {
  const configuration = configurationOrExit(localRunSchema, env);
  const screen = new Screen();
  const progress = new ConsoleProgress();
  const interruption = new AbortController();
  const { signal } = interruption;
  let suite: LocalSuite | undefined;
  onStopSignals((count) => {
    progress.end();
    screen.line(count > 1 ? 'Ended at once.' : 'Interrupted, stopping ...');
    // While the suite comes up there is no work to hand back; the watchdog ends what has been started.
    if (count > 1 || !suite) process.exit(INTERRUPTED);
    interruption.abort();
  }, Boolean(env.npm_lifecycle_event));

  const began = Date.now();
  const place = await demoPlace(configuration);
  screen.line(`Task Engine demo, data in ${place.dataDir}`);
  screen.lines(place.notes);
  screen.title('1. The suite');
  const tools = await mediaTools(env, progress, signal);
  suite = await bringUp(place, configuration, env, progress);
  const checks = new Checks(screen);
  try {
    suite = await stepAside(suite, place, screen, (own) => bringUp(own, configuration, env, progress), configuration, signal);
    await chapters(suite, configuration, tools, { env, screen, checks, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.end();
    await suite.stop();
  }
  if (signal.aborted) return INTERRUPTED;
  screen.title(closing(checks, tools, Date.now() - began));
  screen.lines(nextSteps(suite.servers.folder.path, env));
  return checks.failed.length === 0 ? 0 : 1;
}
