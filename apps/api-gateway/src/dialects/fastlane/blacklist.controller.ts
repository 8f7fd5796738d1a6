import { Controller, Delete, HttpCode, Post, Put, Req, Res, UseFilters } from '@nestjs/common';
import { containerHostName } from '@task-engine/domain';
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

  /** @returns its containerHostName: what workers ask for */
  private async host(request: FastifyRequest, failed: string, failedByValue: string): Promise<string> {
    const body = jsonBody(request, `${failed} JSON body could not be parsed.`);
    const host = typeof body === 'object' ? (body as { host?: unknown }).host : undefined;
    if (host === undefined) throw new TextRefused(`${failed} 'host' attribute was not found in JSON body.`);
    const name = typeof host === 'string' ? ((await this.ofFarm(host)) ?? plain(host)) : undefined;
    if (name !== undefined) return name;
    throw new TextRefused(`${failedByValue} 'host' attribute had an invalid value.`);
  }

  /**
   * Names like `localhost` are no valid ones here, unless containers run there: who has such a host must be able to take it out. Sockets and IPv6
   * addresses may also be named as /status/ shows them, host and port with a colon between.
   */
  private async ofFarm(name: string): Promise<string | undefined> {
    if (isHostAndPort(name)) return undefined;
    const { hosts } = await this.readFarm.run();
    const found = hosts.find((each) => containerHostName(each) === name || `${each.host}:${each.port}` === name);
    return found && containerHostName(found);
  }
}

function plain(name: string): string | undefined {
  if (!isHostAndPort(name)) return undefined;
  const [host = '', port] = name.split(':');
  return containerHostName({ host, port: Number(port) });
}

function empty(reply: FastifyReply): string {
  void reply.type(HTML);
  return '';
}
