import { Injectable } from '@nestjs/common';
import { type HealthCheckResult, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';

/** One condition without which a process cannot do its work. */
export interface ReadinessIndicator {
  /** Key in the answer of /readyz: `postgresql`, `redis`, `migrations`, `subscriber` ... */
  readonly name: string;
  /** Resolves when the condition holds, throws when not; an error's text is not shown. */
  check(): Promise<void>;
}

/** An indicator without an answer after this long counts as down; probes themselves wait no longer than this by default. */
const CHECK_MS = 2_000;

@Injectable()
export class Readiness {
  private readonly indicators = new Map<string, ReadinessIndicator>();

  constructor(
    private readonly health: HealthCheckService,
    private readonly sessions: HealthIndicatorService,
  ) {}

  register(indicator: ReadinessIndicator): void {
    if (this.indicators.has(indicator.name))
      throw new Error(`readiness indicator ${indicator.name} is registered twice`);
    this.indicators.set(indicator.name, indicator);
  }

  /** Asks all indicators side by side. Never throws. */
  async check(): Promise<HealthCheckResult> {
    try {
      return await this.health.check([...this.indicators.values()].map((each) => () => this.ask(each)));
    } catch (error) {
      // terminus reports "down" by throwing an HTTP exception that holds the result
      return (error as { getResponse(): HealthCheckResult }).getResponse();
    }
  }

  private async ask(indicator: ReadinessIndicator) {
    const session = this.sessions.check(indicator.name);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), CHECK_MS);
    });
    try {
      await Promise.race([indicator.check(), limit]);
      return session.up();
    } catch {
      return session.down();
    } finally {
      clearTimeout(timer);
    }
  }
}
