import { type DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';

import { Log } from '../logging/log';
import { Metrics } from '../metrics/metrics';
import { Readiness } from './readiness';
import { Shutdown } from './shutdown';

/** Injection token of the app's parsed configuration: `@Inject(CONFIGURATION) configuration: WorkerConfiguration`. */
export const CONFIGURATION = Symbol('configuration');

/** What every part of an app may inject without importing anything: configuration, log, metrics, readiness, shutdown. */
@Module({})
export class PlatformModule {
  /** @param name of the app, a label on its metrics */
  static forApp(name: string, configuration: object, log: Log): DynamicModule {
    return {
      module: PlatformModule,
      global: true,
      // its own error log would write a line per failed probe
      imports: [TerminusModule.forRoot({ logger: false })],
      providers: [
        { provide: CONFIGURATION, useValue: configuration },
        { provide: Log, useValue: log },
        { provide: Metrics, useFactory: () => new Metrics(name) },
        { provide: Shutdown, useFactory: () => new Shutdown(log) },
        Readiness,
      ],
      exports: [CONFIGURATION, Log, Metrics, Shutdown, Readiness],
    };
  }
}
