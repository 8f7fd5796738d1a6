import { parseDockerHost, type DockerHost } from './docker-host';

/** One entry of DOCKER_HOSTS. */
export interface Farm {
  /** Regular expression; a group belongs here when its name begins with a match. Empty: every group. */
  readonly match: string;
  /** `host:port` or `unix:///path/to/docker.sock`. */
  readonly hosts: readonly string[];
  /** Most runs at a time. Held by the engine when it admits runs, not here. */
  readonly maxRunning: number;
}

/** A farm that takes a group. */
export interface FarmChoice {
  /** Its place in DOCKER_HOSTS, from 0. */
  readonly position: number;
  readonly hosts: readonly DockerHost[];
}

/** The farms of a configuration, in its order. */
export class Farms {
  private readonly farms: readonly (FarmChoice & { pattern: RegExp })[];

  /** @throws Error for a regular expression or a host that is none */
  constructor(farms: readonly Farm[]) {
    this.farms = farms.map(({ match, hosts }, position) => ({
      position,
      pattern: prefixPattern(match),
      hosts: hosts.map(parseDockerHost),
    }));
  }

  /** The farms that take the group. */
  of(group: string): readonly FarmChoice[] {
    return this.farms.filter(({ pattern }) => pattern.test(group));
  }

  /** Every host once. */
  all(): DockerHost[] {
    return unique(this.farms.flatMap(({ hosts }) => hosts));
  }

  /** Every host that may have runs of the group, once. */
  allOf(group: string): DockerHost[] {
    return unique(this.of(group).flatMap(({ hosts }) => hosts));
  }
}

/** Upstream matches from the start of the name, not to its end. */
function prefixPattern(match: string): RegExp {
  try {
    return new RegExp(`^(?:${match})`, 'u');
  } catch (error) {
    throw new Error(`DOCKER_HOSTS: "${match}" is no regular expression.`, { cause: error });
  }
}

function unique(hosts: readonly DockerHost[]): DockerHost[] {
  return [...new Map(hosts.map((host) => [host.name, host])).values()];
}
