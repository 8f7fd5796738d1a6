import { Controller, Get, HttpCode, Post, Put, UseFilters, UseGuards } from '@nestjs/common';
import { ChangeSettingDto, readDto, readFlag, SwitchScheduleDto } from '@task-engine/dto';
import { ChangeSetting, ReadSchedules, SwitchSchedule } from '@task-engine/engine';
import { ClientGuard } from './client.guard';
import { presentSchedules } from './presenters/schedule.presenter';
import { JsonBody } from './request-parts';
import { TaskEngineFilter } from './task-engine.filter';

/** Schedules and settings of the whole engine. */
@Controller()
@UseFilters(TaskEngineFilter)
@UseGuards(ClientGuard)
export class SettingsController {
  constructor(
    private readonly readSchedules: ReadSchedules,
    private readonly switchSchedule: SwitchSchedule,
    private readonly changeSetting: ChangeSetting,
  ) {}

  @Get('schedules')
  async schedules() {
    return presentSchedules(await this.readSchedules.active());
  }

  /** The documents name no Content-Type here, so any will do. */
  @Put('scheduler')
  async switch(@JsonBody({ anyType: true }) body: object) {
    const { schedule, active } = readDto(SwitchScheduleDto, body);
    return { result: 'ok', schedules: await this.switchSchedule.run(schedule, readFlag(active)!) };
  }

  @Post('settings')
  @HttpCode(200)
  async change(@JsonBody() body: object) {
    const { name, setting } = readDto(ChangeSettingDto, body);
    await this.changeSetting.run(name, setting);
    return { result: 'ok', message: `${name} setting created/updated` };
  }
}
