import { Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { Database, LANE_SETTINGS } from '@task-engine/database';
import { HintSender } from './hints';
import { ENGINE_LANE, Lanes } from './lanes';
import { RELEASE_SCHEDULE } from './release-due';

/** Largest value a numeric setting takes: PostgreSQL's integer. */
const MAX = 2_147_483_647;

/** Lowest value of each setting the engine reads (reference/task-engine.md A11.13). */
const MINIMUM = {
  max_jobs: 1,
  priority_slots: 0,
  priority_threshold: 1,
  retry_limit: 0,
  retry_delay: 0,
  schedule_interval: 1,
} as const satisfies Record<keyof typeof LANE_SETTINGS | 'schedule_interval', number>;

/** Creates or changes one setting. The six that the engine reads take effect at once, for jobs that wait already too. */
@Injectable()
export class ChangeSetting {
  constructor(
    private readonly database: Database,
    private readonly lanes: Lanes,
    private readonly hints: HintSender,
  ) {}

  /**
   * @param value an integer or its decimal string for the engine's own settings; any string, number or boolean for others
   * @throws DomainError invalid_parameter
   */
  async run(name: string, value: unknown): Promise<void> {
    if (!Object.hasOwn(MINIMUM, name)) return this.database.stores.settings.put(name, String(value));
    const setting = name as keyof typeof MINIMUM;
    const number = integer(value);
    if (number === undefined || number < MINIMUM[setting] || number > MAX) {
      throw new DomainError(
        'invalid_parameter',
        `Invalid parameter: ${name} must be an integer of at least ${MINIMUM[setting]}`,
      );
    }
    if (setting === 'schedule_interval') await this.database.stores.schedules.setInterval(RELEASE_SCHEDULE, number);
    else await this.database.stores.lanes.changeSetting(ENGINE_LANE, setting, number);
    await this.hints.send({
      lanes: [await this.lanes.id(ENGINE_LANE)],
      dueChanged: true,
    });
  }
}

function integer(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  return typeof value === 'string' && /^\s*\d{1,15}\s*$/.test(value) ? Number(value) : undefined;
}

/** Makes waiting jobs take the slots that are free (POST /push_jobs). Never passes a limit. */
@Injectable()
export class PushJobs {
  constructor(
    private readonly lanes: Lanes,
    private readonly hints: HintSender,
  ) {}

  async run(): Promise<void> {
    await this.hints.send({
      lanes: [await this.lanes.id(ENGINE_LANE)],
      dueChanged: true,
    });
  }
}
