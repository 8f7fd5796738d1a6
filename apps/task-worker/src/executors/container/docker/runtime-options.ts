import type { InstallationOf } from '../runtime';
import type { TlsFiles } from './docker-host';
import type { Farm } from './farms';
import type { HostRegistry } from './host-registry';
import type { PullPolicy } from './pull-image';

/** Seconds. */
export interface RuntimeLimits {
  /** For a host to say that it is there. */
  readonly pingSeconds: number;
  /** For an engine to answer a request; creating and starting a container on a busy host takes seconds. */
  readonly requestSeconds: number;
  /** A stream that is silent for so long is looked after: is the engine still there, does the container still run? */
  readonly quietSeconds: number;
  /** For a pull, from its beginning to its end. */
  readonly pullSeconds: number;
}

export const DEFAULT_LIMITS: RuntimeLimits = {
  pingSeconds: 2,
  requestSeconds: 60,
  quietSeconds: 15,
  pullSeconds: 1800,
};

export interface DockerRuntimeOptions {
  /** In the order in which they are tried. */
  readonly farms: readonly Farm[];
  /** For hosts of the form `host:port`; sockets have no TLS. */
  readonly tls?: TlsFiles;
  readonly registry: HostRegistry;
  readonly installation: InstallationOf;
  /** [missing] */
  readonly pullPolicy?: PullPolicy;
  /** Network of the containers, as `docker run --network` takes it [the engine's default]. */
  readonly network?: string;
  /** Most processes and threads in one container [512]. */
  readonly pidsLimit?: number;
  readonly limits?: Partial<RuntimeLimits>;
  /** Hears of what an operator should know: hosts that do not answer, containers that could not be removed. */
  readonly log?: (message: string) => void;
}
