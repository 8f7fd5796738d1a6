import { requestLog, type LoggedRequest } from './request-log';

const key = '0123456789abcdef0123456789ab3e2d';
const masked = `${'*'.repeat(28)}3e2d`;

const request: LoggedRequest = {
  method: 'POST',
  path: '/job',
  remoteAddress: '99.80.104.160',
  httpVersion: '1.1',
  headers: {
    'x-auth-key': key,
    'api-key': key,
    'x-api-key': key,
    accept: 'application/json',
    'user-agent': 'RestSharp/106.3.1.0',
    host: 'taskengine.example.com',
    'content-type': 'application/json',
  },
  body: { client: 'demo-client', parameters: { folder: 'a' }, job: { workflow: 'drmswitch' } },
};

describe('requestLog', () => {
  it('writes the row of the documents’ sample', () => {
    expect(JSON.parse(requestLog(request))).toEqual({
      path: 'POST /job',
      remote_addr: '99.80.104.160',
      headers: {
        HTTP_VERSION: 'HTTP/1.1',
        HTTP_X_AUTH_KEY: masked,
        HTTP_API_KEY: masked,
        HTTP_X_API_KEY: masked,
        HTTP_ACCEPT: 'application/json',
        HTTP_USER_AGENT: 'RestSharp/106.3.1.0',
        HTTP_HOST: 'taskengine.example.com',
        CONTENT_TYPE: 'application/json',
      },
      parameters: { client: 'demo-client', parameters: { folder: 'a' }, job: { workflow: 'drmswitch' } },
      payload: 'job_created',
    });
  });

  it('masks every credential, whatever its header, and secrets inside the body', () => {
    const text = requestLog({
      ...request,
      headers: {
        'api-key': 'demo-key',
        authorization: 'Bearer very-secret-token',
        cookie: 'session=very-secret-cookie',
        'subscription-key': 'very-secret-subscription',
        'proxy-authorization': 'Basic very-secret-proxy',
        referer: 'https://user:very-secret-password@example.com/',
      },
      body: { parameters: { clips: [{ content_key: 'very-secret-content' }], password: 'very-secret-pass' } },
    });
    expect(text).not.toContain('very-secret');
    expect(JSON.parse(text).headers.HTTP_API_KEY).toBe('****-key');
  });

  it('shows nothing of a key that is too short for it', () => {
    expect(JSON.parse(requestLog({ ...request, headers: { 'api-key': 'abcdefg' } })).headers.HTTP_API_KEY).toBe(
      '*******',
    );
  });
});
