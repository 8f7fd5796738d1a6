import { redactHeaders, redactVariables } from './redaction';

describe('redactVariables', () => {
  const words = ['password', 'KEY', 'secret', 'client_id'];

  it('hides the values of names that hold a word, whatever their case, length and type', () => {
    expect(
      redactVariables({ DB_PASSWORD: 'x', monkey: 'y', Client_ID: 5, MY_SECRET_THING: '', PATH: '/bin' }, words),
    ).toEqual({ DB_PASSWORD: '***', monkey: '***', Client_ID: '***', MY_SECRET_THING: '***', PATH: '/bin' });
  });

  it('looks into objects', () => {
    expect(redactVariables({ outer: { password: 'x', inner: { apiKey: 'y', plain: 1 } }, list: ['a'] }, words)).toEqual(
      {
        outer: { password: '***', inner: { apiKey: '***', plain: 1 } },
        list: ['a'],
      },
    );
    expect(redactVariables({ secrets: { a: 1 } }, words)).toEqual({ secrets: '***' });
  });

  it('hides nothing without words', () => {
    expect(redactVariables({ password: 'x' }, [])).toEqual({ password: 'x' });
  });
});

describe('redactHeaders', () => {
  it('hides credentials and nothing else', () => {
    expect(
      redactHeaders({ Authorization: 'Basic abc', 'X-Api-Key': 'k', 'x-trace': '7', 'Set-Cookie': 'a=b' }),
    ).toEqual({ Authorization: '***', 'X-Api-Key': '***', 'x-trace': '7', 'Set-Cookie': '***' });
  });
});
