import { Controller, Get, Inject, Query, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { type GroupSummary, type Page, ReadCommands } from '@task-engine/engine';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyRequest } from 'fastify';
import { checkText } from '../../http/json-text';
import { Address } from './addresses/addressed';
import type { Target } from './addresses/routes';
import { OperationRefused, PageRefused } from './errors';
import { FastlaneFilter } from './fastlane.filter';
import { JsonAnswers } from './json-answers.interceptor';
import { readPage } from './page-number';
import { presentPage, presentTaskDetails } from './presenters/task.presenter';
import { RequestLinks } from './request-links';

/** Tasks: listed, searched, one. */
@Controller()
@UseFilters(FastlaneFilter)
@UseInterceptors(JsonAnswers)
export class TasksController {
  constructor(
    private readonly readCommands: ReadCommands,
    private readonly links: RequestLinks,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  @Get('tasks')
  async list(@Req() request: FastifyRequest, @Query('page') wanted: unknown) {
    const page = pageOf(wanted);
    const perPage = this.configuration.FASTLANE_PER_PAGE;
    const links = this.links.of(request);
    const found = existing(await this.readCommands.groups(page, perPage), page);
    return presentPage(found, { page, perPage }, links, (other) => links.tasks(other));
  }

  @Get('search')
  async search(@Req() request: FastifyRequest, @Query('query') asked: unknown, @Query('page') wanted: unknown) {
    const query: unknown = Array.isArray(asked) ? asked[0] : asked;
    if (typeof query !== 'string' || query === '')
      throw new OperationRefused(400, 'The query param is required.', 'search_tasks');
    const page = pageOf(wanted);
    checkText(query, 'The query param');
    const perPage = this.configuration.FASTLANE_PER_PAGE;
    const links = this.links.of(request);
    const found = existing(await this.readCommands.search(query, page, perPage), page);
    return presentPage(found, { page, perPage }, links, (other) => links.search(query, other));
  }

  @Get('tasks/:task')
  async find(@Req() request: FastifyRequest, @Address() { task }: Target) {
    const group = await this.readCommands.group(task!);
    if (!group) throw new OperationRefused(404, 'Task not found.', 'get_task');
    return presentTaskDetails(group, this.links.of(request));
  }
}

/** The operation is the same for a search: clients know it so. */
function pageOf(wanted: unknown): number {
  const page = readPage(wanted);
  if (page === undefined)
    throw new OperationRefused(400, 'Tasks pagination page param should be a positive integer.', 'get_tasks');
  return page;
}

/** The first page is there even when nothing is on it. */
function existing(found: Page<GroupSummary>, page: number): Page<GroupSummary> {
  if (found.items.length === 0 && page > 1) throw new PageRefused(404);
  return found;
}
