import { Controller, Get, Inject, Req, Res, UseFilters, UseInterceptors } from '@nestjs/common';
import { DatabaseReadiness } from '@task-engine/database';
import { ReadFarm } from '@task-engine/engine';
import { RedisReadiness } from '@task-engine/messaging';
import { CONFIGURATION, type GatewayConfiguration, maskText } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FastlaneFilter } from './fastlane.filter';
import { JsonAnswers } from './json-answers.interceptor';
import { within } from './live/waiting';
import { presentHealth } from './presenters/health.presenter';
import { presentRoutes } from './presenters/routes.presenter';
import { presentStatus } from './presenters/status.presenter';
import { RequestLinks } from './request-links';

/** A server that has said nothing for this long counts as down. */
const CHECK_MS = 2_000;

/** Health of the servers, state of the farm. */
@Controller()
@UseFilters(FastlaneFilter)
@UseInterceptors(JsonAnswers)
export class StatusController {
  constructor(
    private readonly database: DatabaseReadiness,
    private readonly redis: RedisReadiness,
    private readonly readFarm: ReadFarm,
    private readonly links: RequestLinks,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  @Get('healthcheck')
  async health(@Res({ passthrough: true }) reply: FastifyReply) {
    const [mongo, redis] = await Promise.all([faultOf(this.database), faultOf(this.redis)]);
    const health = presentHealth({ mongo, redis });
    if (health.errors.length > 0) void reply.code(500);
    return health;
  }

  @Get('status')
  async status(@Req() request: FastifyRequest) {
    return presentStatus(await this.readFarm.run(), this.links.of(request), this.configuration.FASTLANE_ENV_BLACKLIST);
  }

  /** Found only while FASTLANE_DEBUG is set. */
  @Get('routes')
  routes() {
    return presentRoutes();
  }
}

/** What a server says of why it does not serve; undefined when it does. */
async function faultOf(server: { check(): Promise<void> }): Promise<string | undefined> {
  try {
    return (await within(server.check(), CHECK_MS)) ? undefined : 'no answer in time';
  } catch (error) {
    return maskText((error as Error).message || 'no answer');
  }
}
