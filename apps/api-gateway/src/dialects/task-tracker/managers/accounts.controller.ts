import {
  Controller,
  Get,
  HttpCode,
  Inject,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { Managers } from '@task-engine/engine';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { accepted, declined, Empty, Refusal } from '../http/answer';
import { Envelopes } from '../http/envelope.interceptor';
import { bodyOf } from '../http/request';
import { TaskTrackerFilter } from '../http/task-tracker.filter';
import { decode, text } from '../json/decode';
import { presentManager } from './manager.presenter';
import { SameSite } from './same-site.guard';
import { Sessions } from './sessions';

const CREDENTIALS = { username: text(), password: text() };

/** In bytes. */
const USERNAME = { least: 3, most: 16 };
const PASSWORD_LEAST = 8;

/** Managers come and go. */
@Controller()
@UseFilters(TaskTrackerFilter)
@UseInterceptors(Envelopes)
export class AccountsController {
  private readonly sessionSeconds: number;

  constructor(
    private readonly managers: Managers,
    private readonly sessions: Sessions,
    @Inject(CONFIGURATION) configuration: GatewayConfiguration,
  ) {
    this.sessionSeconds = configuration.TASK_TRACKER_SESSION_SECONDS;
  }

  @Post('register')
  @HttpCode(200)
  @UseGuards(SameSite)
  async register(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const { username, password } = decode(bodyOf(request), CREDENTIALS);
    const length = Buffer.byteLength(username);
    if (length < USERNAME.least || length > USERNAME.most || Buffer.byteLength(password) < PASSWORD_LEAST)
      throw new Refusal(400, 'Invalid register request');
    const registered = await this.managers.register(username, password, this.sessionSeconds);
    if (registered === 'name_taken')
      throw new Refusal(400, 'pq: duplicate key value violates unique constraint "manager_username_key"');
    await this.sessions.open(request, reply, registered.session);
    return accepted();
  }

  @Post('login')
  @HttpCode(200)
  @UseGuards(SameSite)
  async login(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const { username, password } = decode(bodyOf(request), CREDENTIALS);
    const known = await this.managers.login(username, password, this.sessionSeconds);
    if (!known) throw new Refusal(403, 'Invalid username/password');
    await this.sessions.open(request, reply, known.session);
    return accepted({ manager: presentManager(known.manager) });
  }

  @Get('logout')
  @UseGuards(SameSite)
  async logout(@Req() request: FastifyRequest) {
    await this.sessions.close(request);
    return new Empty(204);
  }

  @Get('account')
  async account(@Req() request: FastifyRequest) {
    const manager = await this.sessions.managerOf(request);
    return manager
      ? accepted({ logged_in: true, manager: presentManager(manager) })
      : declined('', { logged_in: false });
  }
}
