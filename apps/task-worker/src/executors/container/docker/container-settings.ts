import type { ContainerCreateOptions } from 'dockerode';
import { INSTALLATION_LABEL, type ContainerSpec } from '../runtime';
import type { EngineFacts } from './engine-connection';
import type { ImageReference } from './image-reference';

/** Says of a container whose run it is. */
export const RUN_LABEL = 'task-engine.run';

/**
 * Most bytes that a container's log takes on its host, so that a command that never stops writing does not fill the disk: then the log starts
 * anew. It is 32 times the 16 MB of output that the engine keeps, because 1 byte of output takes up to 27 in the log (a line that is empty), and
 * nothing may be gone before it was read.
 */
const MAX_LOG_MEGABYTES = 512;

export function containerName(runId: string): string {
  return `fastlane-job-${runId}`;
}

export interface ContainerSettings {
  readonly image: ImageReference;
  readonly words: string[];
  readonly pidsLimit: number;
  readonly network?: string;
  readonly facts: EngineFacts;
  readonly installation: string;
}

/** What an engine is asked for: no privileges, nothing of the host, and no more than the run may have. */
export function containerOptions(spec: ContainerSpec, settings: ContainerSettings): ContainerCreateOptions {
  return {
    Image: settings.image.text,
    // Only the arguments: the image's ENTRYPOINT stays, and without any words its own CMD does.
    Cmd: settings.words.length > 0 ? settings.words : undefined,
    Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    Labels: { [RUN_LABEL]: spec.runId, [INSTALLATION_LABEL]: settings.installation },
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    OpenStdin: false,
    Tty: false,
    HostConfig: {
      ExtraHosts: spec.extraHosts.map(([host, address]) => `${host}:${address}`),
      NetworkMode: settings.network,
      Privileged: false,
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: settings.pidsLimit,
      Memory: spec.memoryBytes,
      // Else as much again of swap: the limit would be twice what it says.
      MemorySwap: spec.memoryBytes,
      NanoCpus: spec.cpus === undefined ? undefined : Math.round(spec.cpus * 1e9),
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      LogConfig: logConfig(settings.facts),
    },
  };
}

/**
 * Docker's `local` keeps every byte; its `json-file` turns what is not UTF-8 into U+FFFD, and characters too that lie across a 16 KB piece of a
 * long line. Podman has no `local`; its `json-file` keeps bytes.
 */
function logConfig({ isDocker }: EngineFacts): { Type: string; Config: Record<string, string> } {
  const size = { 'max-size': `${MAX_LOG_MEGABYTES}m` };
  if (!isDocker) return { Type: 'json-file', Config: size };
  // A single file may not be compressed; two would take twice the room and lose as much when they turn over.
  return { Type: 'local', Config: { ...size, 'max-file': '1', compress: 'false' } };
}

/** Engines before 23 drop the newline of long lines when they read what `local` has written. One that tells no version is taken for a new one. */
export function dropsNewlines(facts: EngineFacts, logDriver: string | undefined): boolean {
  return facts.isDocker && facts.major > 0 && facts.major < 23 && logDriver === 'local';
}
