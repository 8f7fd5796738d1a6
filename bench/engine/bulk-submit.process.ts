import 'reflect-metadata';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Database } from '@task-engine/database';
import { ClientKeys, EngineModule, SubmitJob } from '@task-engine/engine';
import { controllerSchema, createLog, loadConfiguration, Log } from '@task-engine/platform';
import { serve } from '../harness/child';
import type { BulkRequest } from '../peers/pgboss-insert.process';

@Module({})
class PlatformPart {}

@Module({})
class Root {}

const CLIENT = 'bench';
let app: INestApplicationContext | undefined;

/** The engine's verbs in a process of their own, without HTTP. */
const procedures = {
  async start(urls: { databaseUrl: string; redisUrl: string; dataDir: string }): Promise<void> {
    const configuration = loadConfiguration(controllerSchema, {
      DATABASE_URL: urls.databaseUrl,
      REDIS_URL: urls.redisUrl,
      DATA_DIR: urls.dataDir,
    });
    const log = { provide: Log, useFactory: () => createLog({ name: 'bench', level: 'error' }) };
    const imports = [
      { module: PlatformPart, global: true, providers: [log], exports: [Log] },
      EngineModule.forRoot({ app: 'job-controller', configuration }),
    ];
    app = await NestFactory.createApplicationContext({ module: Root, imports }, { logger: false });
    await app.get(ClientKeys).bootstrap([{ name: CLIENT, key: 'bench-key' }]);
  },

  /** One batch after the other. @returns seconds */
  async submit({ batches, size }: BulkRequest): Promise<number> {
    const verb = app!.get(SubmitJob);
    const client = (await app!.get(Database).stores.clients.find(CLIENT))!;
    const began = performance.now();
    for (let batch = 0; batch < batches; batch++) {
      const jobs = Array.from({ length: size }, (_, n) => ({
        client,
        workflow: 'noop',
        parameters: { batch, n },
        requestLog: '{}',
      }));
      await verb.bulk(jobs);
    }
    return (performance.now() - began) / 1000;
  },
};

export type BulkSubmit = typeof procedures;

serve(procedures);
