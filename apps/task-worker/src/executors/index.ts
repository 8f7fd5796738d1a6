import type { PullSteps } from '@task-engine/engine';
import type { OutboundHttp } from '@task-engine/platform';
import { commandExecutor } from './command.executor';
import { containerExecutor, type ContainerOptions } from './container/container.executor';
import type { Executor } from './executor';
import { httpExecutor } from './http.executor';
import { pullExecutor } from './pull.executor';
import type { PullStepWatch } from './pull-step-watch';
import { assetHandlers } from './media/asset.handlers';
import { cutHandler } from './media/cut.handler';
import { downloadHandler } from './media/download.handler';
import { frameHandler } from './media/frame.handler';
import { manifestsHandler } from './media/manifests.handler';
import { mp4Handlers } from './media/mp4.handlers';
import { packageHandler } from './media/package.handler';
import { planRunsHandler } from './media/plan-runs.handler';
import { resolveHandlers } from './media/resolve.handlers';
import { publishHandler } from './storage/publish.handler';
import { shellExecutor, type ShellOptions } from './shell.executor';
import { storageHandlers } from './storage/storage.handlers';
import { trialHandlers } from './trial.handlers';
import { workspaceHandler } from './workspace.handler';

export interface ExecutorOptions {
  /** Fetches every source and sends every `http` task. */
  outbound: OutboundHttp;
  /** Programs that `command` may run, as definitions write them (COMMAND_ALLOW). */
  allowedCommands: string[];
  /** Name or path; found in PATH unless given. */
  ffmpegPath?: string;
  ffprobePath?: string;
  /** Bytes of one source file; 10 GiB unless given. */
  maxDownloadBytes?: number;
  /** Hands steps to workers of projects, and waits for them; there are no such steps without it. */
  pull?: { steps: PullSteps; watch: PullStepWatch };
  /** What runs commands of clients; none are run without it. */
  container?: ContainerOptions;
  /** What runs command lines of clients; none are run without it. */
  shell?: ShellOptions;
}

const DEFAULT_MAX_DOWNLOAD = 10 * 1024 ** 3;

/** Everything a worker can run, by the name that `uses` of a task gives. */
export function createExecutors(options: ExecutorOptions): Map<string, Executor> {
  const { outbound } = options;
  const programs = { ffmpeg: options.ffmpegPath ?? 'ffmpeg', ffprobe: options.ffprobePath ?? 'ffprobe' };
  const limits = { maxDownloadBytes: options.maxDownloadBytes ?? DEFAULT_MAX_DOWNLOAD };
  const executors = [
    ...trialHandlers(),
    commandExecutor(options.allowedCommands),
    httpExecutor(outbound),
    ...resolveHandlers(outbound, limits),
    downloadHandler(outbound, limits),
    planRunsHandler(programs),
    cutHandler(programs),
    packageHandler(programs),
    manifestsHandler(),
    ...mp4Handlers(programs),
    frameHandler(programs),
    ...assetHandlers(programs),
    ...storageHandlers(),
    publishHandler(),
    workspaceHandler(),
    ...(options.pull ? [pullExecutor(options.pull.steps, options.pull.watch)] : []),
    ...(options.container ? [containerExecutor(options.container)] : []),
    ...(options.shell ? [shellExecutor(options.shell)] : []),
  ];
  return new Map(executors.map((executor) => [executor.uses, executor]));
}
