import { decode } from '../json/decode';
import { isValid, PROJECT, projectFields } from './project-request';

const request = (fields: object) => decode(Buffer.from(JSON.stringify({ name: 'My project', ...fields })), PROJECT);

describe('a project as its manager asks for it', () => {
  it('has no limit where a rate is missing, 0, or what clients are shown for none', () => {
    for (const rate of [undefined, null, 0, -0, Number.MAX_VALUE])
      expect(projectFields(request({ assign_rate: rate, submit_rate: rate }))).toMatchObject({
        assignRate: null,
        submitRate: null,
      });
    expect(projectFields(request({ assign_rate: 0.5, submit_rate: -1 }))).toMatchObject({
      assignRate: 0.5,
      submitRate: -1,
    });
  });

  it('leads nowhere with chain 0', () => {
    expect(projectFields(request({})).chainId).toBeNull();
    expect(projectFields(request({ chain: 7 })).chainId).toBe(7n);
  });

  it('has a name, no negative priority, and is not both hidden and public', () => {
    expect(isValid(request({ public: true, priority: 0 }))).toBe(true);
    for (const wrong of [{ name: '' }, { priority: -1 }, { hidden: true, public: true }])
      expect(isValid(request(wrong))).toBe(false);
  });

  it('has a name and a repository that an index can hold', () => {
    expect(isValid(request({ name: 'é'.repeat(500), git_repo: 'a'.repeat(1_000), motd: 'm'.repeat(5_000) }))).toBe(
      true,
    );
    for (const wrong of [{ name: 'é'.repeat(501) }, { git_repo: 'a'.repeat(1_001) }])
      expect(isValid(request(wrong))).toBe(false);
  });
});
