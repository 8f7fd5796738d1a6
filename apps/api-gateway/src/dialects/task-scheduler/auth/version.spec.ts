import { assertVersion } from './version';

describe('assertVersion', () => {
  it.each([
    undefined,
    '',
    '*/*',
    'application/json',
    'application/json; version=1.0',
    'application/json;version=1',
    'Application/JSON; Version="1.0"; charset=utf-8',
    'application/json; version=2.0, */*;q=0.1',
    'text/html, application/json; version=1.0',
    'text/html',
    'text/html; version=3',
  ])('serves %j', (accept) => expect(() => assertVersion(accept)).not.toThrow());

  it.each([
    'application/json; version=2.0',
    'application/json; version=1.1',
    'application/json; version=',
    'application/json;q=0.5; version=v1',
    '*/*; version=2',
    'text/html, application/json; version=2',
  ])('refuses %j with 406', (accept) =>
    expect(() => assertVersion(accept)).toThrow(expect.objectContaining({ code: 'not_acceptable', status: 406 })),
  );
});
