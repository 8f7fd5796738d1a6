import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type GatewayConfiguration, Log, Shutdown } from '@task-engine/platform';
import { listenAlone } from '../../http/own-listener';
import { DIALECT, unreadable } from './addresses/addressed';
import { answerDel } from './addresses/del-method';
import { openFrontDoor } from './addresses/front-door';
import { LiveLogs } from './live/live-logs';
import { Sockets } from './live/sockets';

/** What the dialect needs beside its controllers: its rules for requests and answers, its WebSockets, its own listener. */
export function prepareFastlane(app: NestFastifyApplication, configuration: GatewayConfiguration): void {
  openFrontDoor(app, configuration);
  const sockets = new Sockets(configuration, app.get(LiveLogs), app.get(Log), app.get(Shutdown));
  sockets.attach(app.getHttpServer(), false);
  answerDel(app.getHttpServer(), app);
  const { FASTLANE_PORT: port, HOST: host } = configuration;
  if (port === undefined) return;
  const own = listenAlone(app, { dialect: DIALECT, unreadable, variable: 'FASTLANE_PORT', port, host });
  sockets.attach(own, true);
  answerDel(own, app);
}
