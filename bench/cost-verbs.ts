import { NestFactory } from '@nestjs/core';
import { Database } from '@task-engine/database';
import {
  AdmitJobs,
  EngineModule,
  ExpireLeases,
  ExplainWait,
  ReleaseDue,
  RetainJobs,
  SweepLost,
  TimeOutJobs,
} from '@task-engine/engine';
import { controllerSchema, createLog, loadConfiguration, Log } from '@task-engine/platform';

/** The verbs that no caller asks for by HTTP: what controller and scheduler do in their rounds. */
export interface EngineVerbs {
  database: Database;
  admit: AdmitJobs;
  explain: ExplainWait;
  release: ReleaseDue;
  expire: ExpireLeases;
  timeOut: TimeOutJobs;
  sweep: SweepLost;
  retain: RetainJobs;
  close(): Promise<void>;
}

/** The engine's verbs in this process, on the database of the suite and under a Redis prefix of their own. */
export async function openVerbs(options: {
  databaseUrl: string;
  redisUrl: string;
  dataDir: string;
}): Promise<EngineVerbs> {
  const configuration = loadConfiguration(controllerSchema, {
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    REDIS_PREFIX: 'cost-verbs',
    DATA_DIR: options.dataDir,
  });
  class PlatformPart {}
  class Root {}
  const app = await NestFactory.createApplicationContext(
    {
      module: Root,
      imports: [
        {
          module: PlatformPart,
          global: true,
          providers: [{ provide: Log, useFactory: () => createLog({ name: 'cost', level: 'fatal' }) }],
          exports: [Log],
        },
        EngineModule.forRoot({ app: 'job-controller', configuration }),
      ],
    },
    { logger: false },
  );
  return {
    database: app.get(Database),
    admit: app.get(AdmitJobs),
    explain: app.get(ExplainWait),
    release: app.get(ReleaseDue),
    expire: app.get(ExpireLeases),
    timeOut: app.get(TimeOutJobs),
    sweep: app.get(SweepLost),
    retain: app.get(RetainJobs),
    close: () => app.close(),
  };
}
