import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { GatewayConfiguration } from '@task-engine/platform';
import { listenAlone } from '../../http/own-listener';
import { DIALECT, unreadable } from './addresses/addressed';
import { openFrontDoor } from './addresses/front-door';

/** What the dialect needs beside its controllers: its rules for requests, its own listener. */
export function prepareTaskTracker(app: NestFastifyApplication, configuration: GatewayConfiguration): void {
  openFrontDoor(app);
  const { TASK_TRACKER_PORT: port, HOST: host } = configuration;
  if (port !== undefined) listenAlone(app, { dialect: DIALECT, unreadable, variable: 'TASK_TRACKER_PORT', port, host });
}
