import type { ProjectFields } from '@task-engine/engine';
import { type Decoded, flag, float, int64, text } from '../json/decode';
import { UNLIMITED } from './project.presenter';

export const PROJECT = {
  name: text(),
  clone_url: text(),
  git_repo: text(),
  version: text(),
  priority: int64(),
  motd: text(),
  public: flag(),
  hidden: flag(),
  chain: int64(),
  assign_rate: float(),
  submit_rate: float(),
};

/** Bytes of what projects are found by: an entry of an index holds no more than 2,704, and a letter may grow by half as it is lowered. */
const FOUND_BY_BYTES = 1_000;

/** Bytes of what is only shown: every list of projects holds it. */
const SHOWN_BYTES = 16_384;

/** Whether there may be such a project. */
export function isValid({ name, git_repo: repository, priority, ...project }: Decoded<typeof PROJECT>): boolean {
  if (name === '' || priority < 0n || (project.hidden && project.public)) return false;
  if ([project.clone_url, project.version, project.motd].some((text) => Buffer.byteLength(text) > SHOWN_BYTES))
    return false;
  return [name, repository].every((text) => Buffer.byteLength(text) <= FOUND_BY_BYTES);
}

export function projectFields(request: Decoded<typeof PROJECT>): ProjectFields {
  const { name, version, priority, motd, hidden, chain } = request;
  return {
    name,
    cloneUrl: request.clone_url,
    gitRepo: request.git_repo,
    version,
    priority,
    motd,
    public: request.public,
    hidden,
    chainId: chain === 0n ? null : chain,
    assignRate: rateOf(request.assign_rate),
    submitRate: rateOf(request.submit_rate),
  };
}

/** Clients that send a project back as they got it mean no limit, too. */
function rateOf(rate: number): number | null {
  return rate === 0 || rate === UNLIMITED ? null : rate;
}
