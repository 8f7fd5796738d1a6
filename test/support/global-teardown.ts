import { holder } from './global-setup';

export default async function globalTeardown(): Promise<void> {
  const servers = holder.taskEngineTestServers;
  holder.taskEngineTestServers = undefined;
  await servers?.stop();
}
