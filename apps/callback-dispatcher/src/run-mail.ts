import type { executionDetails } from '@task-engine/dto';

/** Body of a delivery of kind `mail`. */
export interface RunMail {
  address: string;
  event: string;
  task: string;
  job: string;
  execution: ReturnType<typeof executionDetails>;
}

/** Subject and both bodies (reference/fastlane.md 3.8). @param server name and port of the API, for links; none without it */
export function mailOf({ event, task, job, execution }: RunMail, server: string | undefined) {
  const name = `${task}/${job}`.replace(/[\r\n]+/g, ' ');
  const how = HOW[event as keyof typeof HOW] ?? ((code: string) => `finished with exit code ${code}!`);
  const code = execution.exitCode === null ? 'unknown' : String(execution.exitCode);
  const details = JSON.stringify(execution, sortedNames(execution), 2);
  const base = server === undefined ? undefined : `http://${server}/tasks/${encodeURIComponent(task)}/`;
  const links = base === undefined ? [] : [`Task: ${base}`, `Job: ${base}jobs/${job}/`];
  return {
    subject: `[Fastlane] Job ${name} ${how(code)}`,
    text: [...links, details].join('\n'),
    html: [
      ...(base === undefined
        ? []
        : [
            `<p><a href="${escaped(base)}">${escaped(task)}</a> / <a href="${escaped(`${base}jobs/${job}/`)}">${escaped(job)}</a></p>`,
          ]),
      `<pre>${escaped(details)}</pre>`,
    ].join('\n'),
  };
}

const HOW = {
  starts: () => 'started!',
  succeeds: () => 'succeeded!',
  fails: (code: string) => `failed with exit code ${code}!`,
  finishes: (code: string) => `finished with exit code ${code}!`,
};

/** Every name in it, sorted: what JSON.stringify takes as its order. */
function sortedNames(value: object): string[] {
  const names = new Set<string>();
  JSON.stringify(value, (name, inner: unknown) => {
    names.add(name);
    return inner;
  });
  return [...names].sort();
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
