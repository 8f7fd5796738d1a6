import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import {
  MessagingModule,
  NotificationServer,
  Notifier,
  WorkQueues,
  type MessagingOptions,
} from '@task-engine/messaging';

/** What an app has of messaging, without the rest of the app. */
export interface MessagingApp {
  queues: WorkQueues;
  notifier: Notifier;
  server: NotificationServer;
  context: INestApplicationContext;
  close(): Promise<void>;
}

/** @param setUp runs before the app starts, as the constructors of an app's providers do */
export async function startMessaging(
  options: MessagingOptions,
  setUp: (app: MessagingApp) => void = () => undefined,
): Promise<MessagingApp> {
  @Global()
  @Module({ imports: [MessagingModule.forRoot(options)] })
  class App {
    constructor(queues: WorkQueues, notifier: Notifier, server: NotificationServer) {
      Object.assign(app, { queues, notifier, server });
      setUp(app);
    }
  }
  const app = { close: () => app.context.close() } as MessagingApp;
  app.context = await NestFactory.createApplicationContext(App, { logger: ['error'], abortOnError: false });
  const server = app.context.get(NotificationServer);
  await new Promise<void>((done) => server.listen(() => done()));
  const close = app.context.close.bind(app.context);
  app.close = async () => {
    await server.close();
    await close();
  };
  return app;
}
