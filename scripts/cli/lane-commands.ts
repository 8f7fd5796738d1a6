import { type Command, type Invocation, only, UsageError } from './command';

async function setPaused(invocation: Invocation, usage: string, paused: boolean): Promise<void> {
  const name = only(invocation, usage);
  if (!(await invocation.database.stores.lanes.setPaused(name, paused))) throw new UsageError(`Unknown lane: ${name}`);
  invocation.print(paused ? `Lane '${name}' starts no further job.` : `Lane '${name}' starts jobs again.`);
}

/** Lanes: the jobs of the Task Engine API all wait in lane `engine`. */
export const laneCommands: Record<string, Command> = {
  'lane pause': {
    usage: 'lane pause <lane>',
    does: 'start no further job of the lane (`engine`); what runs goes on',
    run(invocation) {
      return setPaused(invocation, this.usage, true);
    },
  },
  'lane resume': {
    usage: 'lane resume <lane>',
    does: 'start jobs of the lane again',
    run(invocation) {
      return setPaused(invocation, this.usage, false);
    },
  },
};
