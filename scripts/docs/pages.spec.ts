import { configurationPage } from './configuration-page';
import { lifeCyclePage, stateDiagram } from './life-cycle-page';

describe('the generated pages', () => {
  it('list the variables of every app with default and meaning, and no table row is broken by a pipe', () => {
    const page = configurationPage();
    for (const app of ['api-gateway', 'job-controller', 'task-worker', 'callback-dispatcher', 'scheduler'])
      expect(page).toContain(`## ${app}`);
    expect(page).toContain('| `DATABASE_URL` | required | PostgreSQL server and database |');
    expect(page).toMatch(/\| `LEASE_SECONDS` \| `10` \| Seconds /);
    expect(page).toMatch(/\| `CLIENTS_CONFIG` \| unset \| /);
    for (const row of page.split('\n').filter((line) => line.startsWith('|'))) expect(row.split('|')).toHaveLength(5);
  });

  it('draw every life cycle with its entries and ends', () => {
    const page = lifeCyclePage();
    expect(page.match(/stateDiagram-v2/g)).toHaveLength(5);
    expect(page).toContain('queued --> started');
    expect(stateDiagram(['a'], { a: ['b'], b: [] })).toBe(
      '```mermaid\nstateDiagram-v2\n    [*] --> a\n    a --> b\n    b --> [*]\n```',
    );
  });
});
