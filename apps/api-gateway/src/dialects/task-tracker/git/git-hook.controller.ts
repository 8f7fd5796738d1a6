import { createHmac, timingSafeEqual } from 'node:crypto';
import { Controller, HttpCode, Inject, Post, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { Projects } from '@task-engine/engine';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyRequest } from 'fastify';
import { Empty, TextRefusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, type Decoded, object, ParseFault, text } from '../json/decode';

const PUSH = { ref: text(), after: text(), repository: object({ full_name: text() }) };

/** Branch of which pushes count, at the end of `ref`. */
const BRANCH = 'master';

/** Pushes to repositories: their projects' workers are told the new version. */
@Controller('git')
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class GitHookController {
  constructor(
    private readonly projects: Projects,
    @Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration,
  ) {}

  @Post('receivehook')
  @HttpCode(200)
  async push(@Req() request: FastifyRequest): Promise<Empty> {
    const bytes = bodyOf(request);
    const push = read(bytes);
    if (!push?.ref.endsWith(BRANCH)) return new Empty(400);
    const { TASK_TRACKER_WEBHOOK_HASH: hash, TASK_TRACKER_WEBHOOK_HEADER: header } = this.configuration;
    const given = String(request.headers[header.toLowerCase()] ?? '');
    const done = await this.projects.push(push.repository.full_name, push.after, (secret) =>
      isSame(given.slice(given.lastIndexOf('=') + 1), createHmac(hash, secret).update(bytes).digest('hex')),
    );
    if (done === 'unknown') return new Empty(400);
    if (done === 'wrong_signature') throw new TextRefusal(403, 'Signature does not match');
    return new Empty(200);
  }
}

/** Undefined for what cannot be read. */
function read(bytes: Buffer): Decoded<typeof PUSH> | undefined {
  try {
    return decode(bytes, PUSH);
  } catch (error) {
    if (error instanceof ParseFault) return undefined;
    throw error;
  }
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
