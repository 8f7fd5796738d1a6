import { Injectable } from '@nestjs/common';
import { Database } from '@task-engine/database';
import { containerHostName } from '@task-engine/domain';
import type { ContainerHost, FarmStatus } from './command-views';
import { commandView } from './read-commands';

/** What a worker saw longer ago than this many seconds says nothing of now. */
const REPORT_SECONDS = 15;
/** Commands with a cron rule that are listed, those that fire next first; and running containers. */
const LISTED = 1_000;

/** Numbers about everything that runs in containers. */
@Injectable()
export class ReadFarm {
  constructor(private readonly database: Database) {}

  async run(): Promise<FarmStatus> {
    const { commands, containerHosts, runDeliveries, runs } = this.database.stores;
    const [report, groups, count, scheduled, census, waiting] = await Promise.all([
      containerHosts.lastReport<ContainerHost>(REPORT_SECONDS),
      commands.countGroups(),
      commands.count(),
      commands.scheduled(LISTED),
      runs.census(LISTED),
      runDeliveries.waitingOfRuns(),
    ]);
    const [blacklisted, counts] = await Promise.all([
      this.blacklisted(report?.hosts ?? []),
      runs.countsOf(scheduled.map(({ id }) => id)),
    ]);
    const times = [census.nextAt, waiting.nextAt, scheduled[0]?.nextAt ?? null].filter((at) => at !== null);
    return {
      executor: report?.kind ?? null,
      hosts: (report?.hosts ?? []).map((host) => {
        const listed = blacklisted.has(containerHostName(host));
        return listed && host.available
          ? { ...host, available: false, blacklisted: true, error: 'server is blacklisted' }
          : { ...host, blacklisted: listed };
      }),
      running: census.places,
      groups,
      commands: count,
      scheduled: scheduled.map((command) => commandView(command, counts.get(command.id) ?? 0)),
      waitingRuns: census.waiting,
      runningRuns: census.running,
      waitingWebhooks: waiting.webhooks,
      waitingMails: waiting.mails,
      delayed: census.delayed + waiting.delayed + scheduled.length,
      nextDelayedAt: times.length > 0 ? new Date(Math.min(...times.map((at) => at.getTime()))) : null,
    };
  }

  /** As it is now: a worker's report may be some seconds older. */
  private async blacklisted(hosts: ContainerHost[]): Promise<Set<string>> {
    const names = hosts.map(containerHostName);
    const states = await this.database.stores.containerHosts.states(names);
    return new Set(states.filter((state) => state.blacklisted).map((state) => state.host));
  }
}

/** Which hosts get no new containers. Those that run there go on. */
@Injectable()
export class ContainerHosts {
  constructor(private readonly database: Database) {}

  /** @param host its containerHostName */
  async blacklist(host: string): Promise<void> {
    await this.database.stores.containerHosts.blacklist(host, true);
  }

  async allow(host: string): Promise<void> {
    await this.database.stores.containerHosts.blacklist(host, false);
  }
}
