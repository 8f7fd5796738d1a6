import { readFileSync, statSync } from 'node:fs';
import { runCommand } from './commands';
import { LocalError } from './local-error';

/** How to run PostgreSQL's programs: `[...prefix, program, ...arguments]`, and who then owns their files. */
export interface ServerAccount {
  prefix: string[];
  /** Undefined: this process's own user. */
  owner?: { uid: number; gid: number };
}

const NOBODY = 65_534;

/**
 * PostgreSQL refuses to run as root. As root it runs as the data's present owner, else as the system's user `postgres`, else as
 * nobody. That user may be kept out by a folder of mode 0700 above the data or the programs (a checkout in /root): then it
 * gets the one capability to pass through folders. The first way that can enter all `folders` is taken.
 *
 * @param dataFolder exists already.
 * @throws LocalError when no way leads into the folders.
 */
export async function serverAccount(dataFolder: string, folders: string[]): Promise<ServerAccount> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const owner = ownerOf(dataFolder) ?? systemAccount('postgres') ?? { uid: NOBODY, gid: NOBODY };
  const base = ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'];
  const ways = ['', 'dac_read_search', 'dac_override'].map((capability) =>
    capability ? [...base, `--inh-caps=+${capability}`, `--ambient-caps=+${capability}`] : base,
  );
  let fault = '';
  for (const prefix of ways) {
    const [file = '', ...args] = prefix;
    // `cd` needs the right to pass through every folder of the chain, which is what the programs need.
    const probe = await runCommand(file, [
      ...args,
      'sh',
      '-c',
      'for f; do cd -- "$f" || exit 1; done',
      'sh',
      ...folders,
    ]);
    if (probe.code === 0) return { prefix, owner };
    fault ||= probe.stderr.trim().split('\n')[0] ?? '';
  }
  throw new LocalError(
    `PostgreSQL does not run as root, and the user it would run as (${owner.uid}) has no way in: ${fault}. ` +
      `Choose a DATA_DIR that every user may enter (DATA_DIR=/var/lib/task-engine), run as another user, or set DATABASE_URL.`,
  );
}

function ownerOf(folder: string): { uid: number; gid: number } | undefined {
  const { uid, gid } = statSync(folder);
  return uid === 0 ? undefined : { uid, gid };
}

function systemAccount(name: string): { uid: number; gid: number } | undefined {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(':') ?? [];
    return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
  } catch {
    return undefined;
  }
}
