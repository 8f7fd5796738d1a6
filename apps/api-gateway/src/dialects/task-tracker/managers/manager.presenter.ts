import type { Manager, Role } from '@task-engine/engine';
import { unixSeconds } from '../http/unix-seconds';

export function presentManager({ id, username, admin, registeredAt }: Manager) {
  return { id, username, tracker_admin: admin, register_time: unixSeconds(registeredAt) };
}

export function presentManagerRole({ manager, role }: { manager: Manager; role: Role }) {
  return { manager: presentManager(manager), role };
}
