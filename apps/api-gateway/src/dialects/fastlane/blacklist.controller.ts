import { Controller, Delete, HttpCode, Post, Put, Req, Res, UseFilters } from '@nestjs/common';
import { isHostAndPort } from '@task-engine/dto';
import { ContainerHosts, ReadFarm } from '@task-engine/engine';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HTML } from './addresses/html-page';
import { TextRefused } from './errors';
import { FastlaneFilter } from './fastlane.filter';
import { jsonBody } from './payload/json-body';

const ADD = 'Failed to add host to blacklist because';
const REMOVE = 'Failed to remove host from blacklist because';

/** Hosts that get no new containers. */
@Controller('docker-executor/blacklist')
@UseFilters(FastlaneFilter)
export class BlacklistController {
  constructor(
    private readonly containerHosts: ContainerHosts,
    private readonly readFarm: ReadFarm,
  ) {}

  @Post()
  @HttpCode(200)
  async add(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    await this.containerHosts.blacklist(await this.host(request, ADD, ADD));
    return empty(reply);
  }

  @Put()
  async put(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.add(request, reply);
  }

  @Delete()
  async remove(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    // the slip of "to" is what clients know
    await this.containerHosts.allow(await this.host(request, REMOVE, 'Failed to remove host to blacklist because'));
    return empty(reply);
  }

  private async host(request: FastifyRequest, failed: string, failedByValue: string): Promise<string> {
    const body = jsonBody(request, `${failed} JSON body could not be parsed.`);
    const host = typeof body === 'object' ? (body as { host?: unknown }).host : undefined;
    if (host === undefined) throw new TextRefused(`${failed} 'host' attribute was not found in JSON body.`);
    if (isHostAndPort(host) || (typeof host === 'string' && (await this.belongsToFarm(host)))) return host;
    throw new TextRefused(`${failedByValue} 'host' attribute had an invalid value.`);
  }

  /** Names like `localhost` are no valid ones here, unless containers run there: who has such a host must be able to take it out. */
  private async belongsToFarm(name: string): Promise<boolean> {
    const { hosts } = await this.readFarm.run();
    return hosts.some(({ host, port }) => `${host}:${port}` === name);
  }
}

function empty(reply: FastifyReply): string {
  void reply.type(HTML);
  return '';
}
