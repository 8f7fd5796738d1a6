import { createHash, timingSafeEqual } from 'node:crypto';
import type { GatewayConfiguration } from '@task-engine/platform';

type AuthConfiguration = Pick<
  GatewayConfiguration,
  'FASTLANE_BASIC_AUTH_USERNAME' | 'FASTLANE_BASIC_AUTH_PASSWORD' | 'FASTLANE_BASIC_AUTH_REALM'
>;

/** The one name and password of the dialect, when there is one. */
export class BasicAuth {
  /** Value of WWW-Authenticate. */
  readonly challenge: string;
  private readonly expected: Buffer | undefined;

  constructor(configuration: AuthConfiguration) {
    const { FASTLANE_BASIC_AUTH_USERNAME: name, FASTLANE_BASIC_AUTH_PASSWORD: password } = configuration;
    const realm = configuration.FASTLANE_BASIC_AUTH_REALM ?? '';
    this.challenge = `Basic realm="${realm.replace(/["\\]/g, '\\$&')}"`;
    if (name !== undefined && password !== undefined) this.expected = digest(`${name}:${password}`);
  }

  /** @param authorization the header */
  allows(authorization: string | undefined): boolean {
    if (!this.expected) return true;
    const encoded = /^basic +([\w+/=-]+) *$/i.exec(authorization ?? '')?.[1];
    // compared as digests: of equal length, so that the time tells neither a common start nor the length
    return encoded !== undefined && timingSafeEqual(digest(Buffer.from(encoded, 'base64')), this.expected);
  }
}

function digest(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}
