import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Log, Shutdown } from '@task-engine/platform';
import { Definitions } from '@task-engine/workflows';

/** Takes changed workflow definitions into use while the gateway runs. A faulty set is reported, and the old one stays. */
@Injectable()
export class DefinitionWatch implements OnApplicationBootstrap {
  constructor(
    private readonly definitions: Definitions,
    private readonly shutdown: Shutdown,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    const stop = this.definitions.watch({
      onReload: (problems) => {
        if (problems.length > 0)
          this.log.error({ problems }, 'changed workflow definitions are faulty, the old ones stay');
        else this.log.info('changed workflow definitions are in use');
      },
    });
    this.shutdown.onStopIntake('definitions', () => stop());
  }
}
