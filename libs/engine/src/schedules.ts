import { Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { Database, type ScheduleRecord } from '@task-engine/database';
import { HintSender } from './hints';

@Injectable()
export class ReadSchedules {
  constructor(private readonly database: Database) {}

  /** The active schedules, by name. */
  async active(): Promise<ScheduleRecord[]> {
    return (await this.database.stores.schedules.list()).filter((schedule) => schedule.active);
  }
}

/** Switches a schedule on or off. An inactive one releases nothing. */
@Injectable()
export class SwitchSchedule {
  constructor(
    private readonly database: Database,
    private readonly hints: HintSender,
  ) {}

  /**
   * @returns names of the schedules that are active now
   * @throws DomainError invalid_parameter for an unknown name
   */
  async run(name: string, active: boolean): Promise<string[]> {
    const { schedules } = this.database.stores;
    if (!(await schedules.switch(name, active)))
      throw new DomainError('invalid_parameter', `Unknown schedule: ${name}`);
    await this.hints.send({ dueChanged: true });
    return (await schedules.list()).filter((schedule) => schedule.active).map((schedule) => schedule.name);
  }
}
