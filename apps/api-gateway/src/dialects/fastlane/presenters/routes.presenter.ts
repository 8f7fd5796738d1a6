import { ROUTES, SOCKET_PATHS } from '../addresses/routes';

/** Every route, as fastlane lists them while it is debugged. */
export function presentRoutes() {
  const methods = new Map<string, Set<string>>([['/', new Set(['GET'])]]);
  for (const route of ROUTES) {
    const endpoint = shown(route.path) + (route.slash === 'none' ? '' : '/');
    methods.set(endpoint, new Set([...(methods.get(endpoint) ?? []), ...route.methods]));
  }
  for (const path of SOCKET_PATHS) methods.set(`${shown(path)}/`, new Set(['GET']));
  return [...methods]
    .map(([endpoint, named]) => ({
      endpoint,
      methods: ['OPTIONS', ...(named.has('GET') ? ['HEAD'] : []), ...named].join(', '),
    }))
    .sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
}

function shown(path: string): string {
  return path.replace(':task', '<task_id>').replace(':job', '<job_id>').replace(':execution', '<execution_id>');
}
