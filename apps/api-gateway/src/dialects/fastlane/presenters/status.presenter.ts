import { naiveUtc } from '@task-engine/dto';
import type { ContainerHost, FarmStatus } from '@task-engine/engine';
import type { Links } from '../links';
import { EXECUTOR, FASTLANE_VERSION } from '../vocabulary';
import { presentScheduledJob } from './job.presenter';

/** GET of the farm's status. */
export function presentStatus(farm: FarmStatus, links: Links, hiddenWords: readonly string[]) {
  const length = (length: number) => ({ length });
  return {
    fastlane: {
      version: FASTLANE_VERSION,
      // a text in any case: clients show it
      executor: farm.executor ? EXECUTOR[farm.executor] : 'fastlane.worker.none',
    },
    hosts: [...farm.hosts].sort((a, b) => Number(b.available) - Number(a.available)).map(presentHost),
    containers: {
      running: farm.running.map(({ host, port, containerId }) => ({ host, port, id: containerId })),
    },
    tasks: { count: farm.groups },
    jobs: {
      count: farm.commands,
      scheduled: farm.scheduled.map((command) => presentScheduledJob(command, links, hiddenWords)),
    },
    queues: {
      jobs: length(farm.waitingRuns),
      monitor: length(farm.runningRuns),
      webhooks: length(farm.waitingWebhooks),
      notify: length(farm.waitingMails),
      scheduled: {
        length: farm.delayed,
        nextTimeStamp: farm.nextDelayedAt && farm.nextDelayedAt.getTime() / 1000,
        nextHumanReadableDate: farm.nextDelayedAt && naiveUtc(farm.nextDelayedAt),
      },
    },
  };
}

function presentHost({ host, port, available, blacklisted, circuit, error }: ContainerHost) {
  return { host, port, available, blacklisted, circuit, error };
}
