import { createPublicKey } from 'node:crypto';
import { z } from 'zod';

const MIN_BITS = 2_048;

/** RSA public key in PEM form, where `\n` may stand for a new line, as env files write it. The value is the key with its new lines. */
export function publicKey(meaning: string) {
  return z
    .string()
    .transform((value) => value.replaceAll('\\n', '\n'))
    .refine(isRsaKey, `must be a public RSA key of at least ${MIN_BITS} bits in PEM form`)
    .optional()
    .describe(meaning);
}

function isRsaKey(pem: string): boolean {
  // of a private key, too, Node would make the public one; it has no business here
  if (pem.includes('PRIVATE')) return false;
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(pem);
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_BITS;
  } catch {
    return false;
  }
}
