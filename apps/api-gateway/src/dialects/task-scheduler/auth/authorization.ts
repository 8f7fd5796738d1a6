import { invalidToken, unauthorized } from '../http/refusal';

/** How tokens begin that running commands get to store their checkpoints with. */
const TASK_TOKEN = 'tet_';

/** What a request says who it is. */
export type Authorization =
  /** A client's key. */
  | { key: string }
  /** A JWT that names the client. */
  | { jwt: string }
  /** Of a running task. */
  | { taskToken: string };

/**
 * @param headers Authorization as often as it came: of two, others on the way may take the other one
 * @throws Refusal
 */
export function readAuthorization(headers: string[] = []): Authorization {
  const [header = '', ...more] = headers;
  if (more.length > 0) throw unauthorized('The header Authorization must be given once');
  const [, scheme = '', credential = ''] = /^(\S+)[ \t]+(\S+)[ \t]*$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'apikey':
      return { key: credential };
    case 'bearer':
      if (credential.startsWith(TASK_TOKEN)) return { taskToken: credential };
      // three parts, the last one empty when nothing was signed
      if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential)) throw invalidToken('The bearer token is not a JWT');
      return { jwt: credential };
    default:
      throw unauthorized(
        'Authentication is required: send the header Authorization with ApiKey <key> or Bearer <token>',
      );
  }
}
