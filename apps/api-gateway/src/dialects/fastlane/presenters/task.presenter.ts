import { naiveUtc } from '@task-engine/dto';
import type { GroupSummary, GroupView, Page } from '@task-engine/engine';
import type { Links } from '../links';

/**
 * A page of tasks.
 * @param urlOf the address of another page
 */
export function presentPage(
  { items, total }: Page<GroupSummary>,
  { page, perPage }: { page: number; perPage: number },
  links: Links,
  urlOf: (page: number) => string,
) {
  const pages = Math.ceil(total / perPage);
  const [hasNext, hasPrev] = [page < pages, page > 1];
  return {
    items: items.map((task) => presentTask(task, links)),
    total,
    page,
    pages,
    perPage,
    hasNext,
    hasPrev,
    nextUrl: hasNext ? urlOf(page + 1) : null,
    prevUrl: hasPrev ? urlOf(page - 1) : null,
  };
}

/** GET of a task. */
export function presentTaskDetails({ name, commands }: GroupView, links: Links) {
  return {
    taskId: name,
    jobs: commands.map(({ uuid, createdAt }) => ({
      id: uuid,
      createdAt: naiveUtc(createdAt),
      url: links.job(name, uuid),
    })),
  };
}

function presentTask({ name, createdAt, commandAddedAt, commands }: GroupSummary, links: Links) {
  return {
    taskId: name,
    createdAt: naiveUtc(createdAt),
    lastModifiedAt: naiveUtc(commandAddedAt),
    jobsCount: commands,
    url: links.task(name),
  };
}
