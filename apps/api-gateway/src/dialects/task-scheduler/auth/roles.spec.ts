import { assertRole } from './roles';

const forbidden = expect.objectContaining({ status: 403, code: 'forbidden' });

describe('assertRole', () => {
  it('lets read look, write and admin change', () => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PROPFIND']) {
      for (const role of ['write', 'admin']) expect(() => assertRole(role, method)).not.toThrow();
      const reading = () => assertRole('read', method);
      if (['GET', 'HEAD'].includes(method)) expect(reading).not.toThrow();
      else expect(reading).toThrow(forbidden);
    }
  });

  it.each(['owner', 'READ', '', null, 1, ['admin'], undefined])('refuses the role %j with 403', (role) => {
    expect(() => assertRole(role, 'GET')).toThrow(forbidden);
  });
});
