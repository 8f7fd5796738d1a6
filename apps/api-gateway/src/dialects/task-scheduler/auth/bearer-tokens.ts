import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION, type GatewayConfiguration, Log } from '@task-engine/platform';
import { type Algorithm, type Jwt, NotBeforeError, TokenExpiredError, verify } from 'jsonwebtoken';
import { invalidToken } from '../http/refusal';

/** Clocks may differ by this much. */
const SKEW_SECONDS = 60;
/** A shorter secret can be found by trying (RFC 7518, 3.2). */
const SECRET_BYTES = 32;

/** Who signs, and how: never what a token itself says about it. */
interface Signer {
  key: KeyObject;
  algorithm: Algorithm;
}

/** JWTs that name a client. */
@Injectable()
export class BearerTokens {
  private readonly signer: Signer | undefined;

  constructor(@Inject(CONFIGURATION) configuration: GatewayConfiguration, log: Log) {
    const { JWT_SECRET: secret, JWT_PUBLIC_KEY: publicKey } = configuration;
    if (secret !== undefined) {
      if (Buffer.byteLength(secret) < SECRET_BYTES)
        log.warn(`JWT_SECRET has less than ${SECRET_BYTES} bytes: whoever has a token may find it by trying`);
      this.signer = { key: createSecretKey(secret, 'utf8'), algorithm: 'HS256' };
    } else if (publicKey !== undefined) this.signer = { key: createPublicKey(publicKey), algorithm: 'RS256' };
  }

  /**
   * The client that a token names, and the role that it has: all that the client may do when it says nothing of that.
   * @throws Refusal
   */
  read(token: string): { client: string; role: unknown } {
    const { sub, role = 'admin' } = this.verified(token);
    if (typeof sub !== 'string' || sub === '') throw invalidToken('The bearer token names no client (sub)');
    return { client: sub, role };
  }

  private verified(token: string): { sub?: unknown; role?: unknown } {
    if (!this.signer) throw invalidToken('Bearer tokens are not accepted here: use an API key');
    const { header, payload } = this.decoded(token, this.signer);
    // extensions that have to be understood: none are
    if ('crit' in header) throw invalidToken('The bearer token needs extensions that are not known here');
    if (typeof payload === 'string') throw invalidToken('The bearer token holds no claims');
    return payload;
  }

  private decoded(token: string, { key, algorithm }: Signer): Jwt {
    try {
      return verify(token, key, { algorithms: [algorithm], clockTolerance: SKEW_SECONDS, complete: true });
    } catch (error) {
      if (error instanceof TokenExpiredError) throw invalidToken('The bearer token has expired');
      if (error instanceof NotBeforeError) throw invalidToken('The bearer token is not valid yet');
      throw invalidToken('The bearer token is not valid');
    }
  }
}
