import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyRequest } from 'fastify';
import { Links, originOf } from './links';

/** Makes the addresses in the answer to a request. */
@Injectable()
export class RequestLinks {
  constructor(@Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration) {}

  of(request: FastifyRequest): Links {
    return new Links(originOf(request, this.configuration.FASTLANE_SERVER_NAME));
  }
}
