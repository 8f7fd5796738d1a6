import { containerHostName } from '@task-engine/domain';
import type { Place } from '../runtime';

const UNIX = 'unix://';

/** PEM texts of the client's certificate, its key, and the authority that signed the engines' certificates. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where an engine listens. */
export interface DockerHost {
  /** `host:port`, `[address]:port` or `unix:///path`. Names the host in the registry. */
  readonly name: string;
  /** For a socket the whole `unix:///path`: with `localhost` two sockets of one machine would be one host, and a run be looked for at the wrong one. */
  readonly host: string;
  /** 0 for a socket. */
  readonly port: number;
  /** Of a socket only. */
  readonly socketPath?: string;
}

/**
 * `host:port`, `[address]:port` or `unix:///path/to/docker.sock`.
 * @throws Error for anything else
 */
export function parseDockerHost(name: string): DockerHost {
  if (name.startsWith(`${UNIX}/`)) return { name, host: name, port: 0, socketPath: name.slice(UNIX.length) };
  const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(name) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new Error(`Not a Docker host: "${name}". It is host:port or unix:///path/to/docker.sock.`);
  }
  return { name: containerHostName({ host, port }), host, port };
}

/** The host that a stored place means, whether or not it is still configured. */
export function dockerHostOf(place: Pick<Place, 'host' | 'port'>): DockerHost {
  return parseDockerHost(containerHostName(place));
}
