import type { V1Pod } from '@kubernetes/client-node';
import { UnbalancedQuotes } from '../docker/split-command';
import { type ContainerSpec, PullFailure, StartFailure } from '../runtime';
import type { ApiClient } from './api-client';
import { ApiRefusal } from './api-refusal';
import { jobManifest, type ManifestOptions } from './job-manifest';
import { exitOfJob, failureOfJob, type Startup, startupOf, worded } from './pod-state';
import type { KubernetesLimits } from './runtime-options';
import { watchPod } from './watch-pod';

export interface StartOptions extends ManifestOptions {
  readonly limits: KubernetesLimits;
  readonly log?: (message: string) => void;
}

/** What ends the wait for a start. */
export interface Waiting {
  readonly signal: AbortSignal;
  /** Asked when the signal aborts: one that is still wanted keeps its Job, and the next worker takes that. */
  readonly isWanted: () => boolean;
}

/**
 * Makes the run's Job, or takes the one that it has, and waits until the command runs, or has run.
 * @returns the name of its pod
 * @throws StartFailure or PullFailure: the Job is deleted; HostUnreachable: it may be there; the reason of the signal
 */
export async function startJob(
  client: ApiClient,
  spec: ContainerSpec,
  options: StartOptions,
  { signal, isWanted }: Waiting,
): Promise<string> {
  const made = await create(client, spec, options);
  const start = new JobStart(client, spec, options, made);
  try {
    return await watchPod(client, { runId: spec.runId.toLowerCase() }, signal, start);
  } catch (error) {
    const failure = error instanceof ApiRefusal ? new StartFailure(error.message, null, { cause: error }) : error;
    const unwanted = signal.aborted && !isWanted();
    if (unwanted || failure instanceof StartFailure || failure instanceof PullFailure)
      await discard(client, spec, options);
    throw failure;
  }
}

/** @throws HostUnreachable: then another start meets the same failure, and comes here again */
async function discard(client: ApiClient, spec: ContainerSpec, options: StartOptions): Promise<void> {
  try {
    await client.deleteJob(spec.runId);
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    options.log?.(`the job of run ${spec.runId} stays: ${error.message}`);
  }
}

async function create(client: ApiClient, spec: ContainerSpec, options: StartOptions): Promise<boolean> {
  try {
    return await client.createJob(jobManifest(spec, options));
  } catch (error) {
    if (error instanceof UnbalancedQuotes) throw new StartFailure(error.message, null, { cause: error });
    if (error instanceof ApiRefusal) throw new StartFailure(error.message, null, { cause: error });
    throw error;
  }
}

/** One start, from the Job's creation to the first moment of its command. */
class JobStart {
  private readonly begun = Date.now();
  private scheduled: number | undefined;
  private withoutImageSince: number | undefined;
  /** What the kubelet said when it tried to pull; afterwards it may say only that it waits before it tries again. */
  private pullMessage: string | undefined;
  private why: string | undefined;
  private looks = 0;

  constructor(
    private readonly client: ApiClient,
    private readonly spec: ContainerSpec,
    private readonly options: StartOptions,
    /** False: the Job was there before, and may have ended. */
    private readonly made: boolean,
  ) {}

  glance({ pod, gone }: { pod: V1Pod; gone: boolean }): string | undefined {
    const startup = startupOf(pod);
    if (startup.is === 'started') return pod.metadata?.name;
    if (startup.is === 'failed') throw new StartFailure(startup.message, startup.exitCode);
    if (gone) return undefined;
    if (startup.is === 'without image') this.noteImage(startup);
    else this.note(startup);
    return undefined;
  }

  async ponder(pod: V1Pod | undefined): Promise<undefined> {
    this.looks += 1;
    if (!pod) await this.lookForPod();
    if (this.secondsLeft() <= 0) await this.giveUp(pod);
  }

  seconds(): number {
    return Math.max(0.05, Math.min(this.options.limits.lookSeconds, this.secondsLeft()));
  }

  private noteImage({ message, forGood }: Extract<Startup, { is: 'without image' }>): void {
    this.scheduled ??= Date.now();
    this.withoutImageSince ??= Date.now();
    const onlyWaits = /^ImagePullBackOff: Back-off pulling image "[^"]*"$/.test(message);
    if (!onlyWaits || this.pullMessage === undefined) this.pullMessage = message;
    this.tell(message);
    if (forGood) throw new PullFailure(this.pullMessage);
  }

  private note({ scheduled, why }: Extract<Startup, { is: 'waiting' }>): void {
    if (scheduled) this.scheduled ??= Date.now();
    if (why) this.tell(why);
  }

  private tell(why: string): void {
    if (why === this.why) return;
    this.why = why;
    this.options.log?.(`run ${this.spec.runId} waits: ${why}`);
  }

  /** Of the limit that counts now. */
  private secondsLeft(): number {
    const { scheduleSeconds, imagePullTimeoutSeconds, imagePullGraceSeconds } = this.options.limits;
    const left = (since: number, seconds: number) => seconds - (Date.now() - since) / 1_000;
    if (this.scheduled === undefined) return left(this.begun, scheduleSeconds);
    const inTime = left(this.scheduled, imagePullTimeoutSeconds);
    if (this.withoutImageSince === undefined) return inTime;
    return Math.min(inTime, left(this.withoutImageSince, imagePullGraceSeconds));
  }

  /** A Job that was made just now has no pod yet. Later there is a reason. */
  private async lookForPod(): Promise<void> {
    if (this.made && this.looks === 1) return;
    const job = await this.client.readJob(this.spec.runId);
    if (!job) throw new StartFailure('The job was deleted before its command ran.');
    if (exitOfJob(job)) throw new StartFailure(`The pod of the job is gone. ${failureOfJob(job) ?? ''}`.trim());
    const warning = await this.client.lastWarning(job.metadata?.uid);
    if (warning?.reason !== 'FailedCreate') return;
    const said = worded(warning.reason, warning.message);
    // A quota may have room again; what the cluster's policy forbids it forbids tomorrow too.
    if (/forbidden/i.test(said) && !/exceeded quota/i.test(said)) throw new StartFailure(said);
    this.tell(said);
  }

  private async giveUp(pod: V1Pod | undefined): Promise<never> {
    if (this.pullMessage !== undefined) throw new PullFailure(this.pullMessage);
    const { scheduleSeconds, imagePullTimeoutSeconds } = this.options.limits;
    if (this.scheduled === undefined) {
      const why = this.why ? ` (${this.why})` : '';
      throw new StartFailure(`No node took the job within ${scheduleSeconds} seconds.${why}`);
    }
    const warning = await this.client.lastWarning(pod?.metadata?.uid);
    const why = warning ? ` (${worded(warning.reason, warning.message)})` : '';
    // A volume or a network that cannot be had is no matter of the image.
    if (warning && !/pull|image/i.test(worded(warning.reason, warning.message))) {
      throw new StartFailure(`The command did not start within ${imagePullTimeoutSeconds} seconds.${why}`);
    }
    throw new PullFailure(`Image ${this.spec.image} was not there within ${imagePullTimeoutSeconds} seconds.${why}`);
  }
}
