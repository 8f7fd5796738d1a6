import { ClientConfigurations } from '@task-engine/workflows';
import { reasonOf } from '../local/local-error';
import type { LocalSuite } from '../local/local-suite';
import { BorrowedSettings } from './borrowed-settings';
import { captureDemo } from './capture';
import type { Checks } from './checks';
import { commandsDemo } from './commands';
import { DemoServer } from './demo-server';
import { EngineClient } from './engine-client';
import { graphTasksDemo } from './graph-tasks';
import type { MediaTools } from '../local/media-tools';
import { pullWorkersDemo } from './pull-workers';
import type { Screen } from './screen';
import { priorityDemo, retryDemo, runAtDemo, semaphoreDemo } from './small-jobs';
import { makeTestVideo, PICTURE, VIDEO_SECONDS } from './test-video';

export interface DemoRun {
  suite: LocalSuite;
  client: { name: string; key: string };
  /** Or what to do to have them. */
  tools: MediaTools | string;
  env: NodeJS.ProcessEnv;
  screen: Screen;
  checks: Checks;
  signal: AbortSignal;
}

/**
 * Everything that the demo shows on a suite that is up. A chapter that goes wrong is a failed check and the next one follows; nothing of
 * it is left in the engine, neither changed settings nor unfinished jobs.
 * @throws the reason of the signal when it was interrupted
 */
export async function runChapters(run: DemoRun): Promise<void> {
  const { suite, client, tools, env, screen, checks, signal } = run;
  const { folder } = suite.servers;
  const engine = new EngineClient(suite.url('api-gateway'), client, signal);
  const settings = await BorrowedSettings.read(engine, suite.databaseUrl, folder.at('demo-settings.json'));
  const videos = folder.at('demo-video');
  const server = await DemoServer.start(videos);
  const parts = { engine, server, screen, checks, settings };
  const chapter = async (title: string, tell: () => Promise<void>) => {
    screen.title(title);
    try {
      await tell();
    } catch (error) {
      signal.throwIfAborted();
      checks.fail(reasonOf(error));
    }
    await settings.restore();
  };
  try {
    if (typeof tools === 'string') {
      screen.title('2. A video through a workflow');
      screen.line(`  left out, ffmpeg is missing: ${tools}`);
    } else {
      await chapter('2. A video through a workflow', async () => {
        screen.draw(['  ..    making the test video']);
        await makeTestVideo(tools, videos, signal);
        const { width, height } = PICTURE;
        screen.line(
          `  made a test video: ${VIDEO_SECONDS} s, ${width}x${height}, as HLS and MP4; serving it at ${server.url('/source/')}`,
        );
        const file = env.CLIENTS_CONFIG?.trim() || undefined;
        const { storage } = ClientConfigurations.load({ file, dataDir: folder.path }).for(client.name);
        await captureDemo({ ...parts, tools, storage: storage.local?.base ?? folder.at('media') });
      });
    }
    await chapter('3. Priority', () => priorityDemo(parts));
    await chapter('4. Start at a time', () => runAtDemo(parts));
    await chapter('5. Start when a URL says yes', () => semaphoreDemo(parts));
    await chapter('6. Failures are tried again', () => retryDemo(parts));
    const url = suite.url('api-gateway');
    await chapter('7. Commands, with the fastlane API', () => commandsDemo({ ...parts, url }));
    const { databaseUrl } = suite;
    await chapter('8. Workers that pull, with the task_tracker API', () =>
      pullWorkersDemo({ ...parts, url, databaseUrl }),
    );
    await chapter('9. Tasks that wait for each other, with the Task Scheduler API', () =>
      graphTasksDemo({ ...parts, url, client }),
    );
  } finally {
    screen.wipe();
    await tidyUp(engine.unstoppable(), engine.submitted, settings);
    server.close();
  }
}

/** Best effort: whoever interrupts the demo does not want to read that this did not work. */
async function tidyUp(engine: EngineClient, jobs: readonly string[], settings: BorrowedSettings): Promise<void> {
  await settings.restore(undefined, engine).catch(() => undefined);
  for (const id of jobs) {
    const job = await engine.job(id).catch(() => undefined);
    if (job && job.queue_state !== 'completed') await engine.break(id).catch(() => undefined);
  }
}
