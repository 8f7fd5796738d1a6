/** Parts of a key name, lower case without separators, that mark its value as secret. */
const SECRET_PARTS = [
  'apikey',
  'authkey',
  'authorization',
  'secret',
  'password',
  'passwd',
  'passphrase',
  'token',
  'cookie',
  'credential',
  'privatekey',
  'accesskey',
  'signingkey',
  'contentkey',
  'encryptionkey',
  'databaseurl',
  'redisurl',
];

/** Whole key names that are secret although they are too short to be searched for. */
const SECRET_NAMES = new Set(['key', 'pass', 'pwd', 'auth', 'jwt', 'bearer', 'sig', 'signature', 'webhooksignature']);

/** Nested deeper than this a value is replaced: nobody reads it and it may be hostile. */
const MAX_DEPTH = 12;

const HIDDEN = '****';

/** Whether a value under this key must not be shown: `api-key`, `HTTP_X_AUTH_KEY`, `dbPassword` ... */
export function isSecretKey(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return SECRET_NAMES.has(plain) || SECRET_PARTS.some((part) => plain.includes(part));
}

/** Asterisks and the last four characters, in the same length; all asterisks when eight characters or fewer would give away too much. */
export function maskSecret(secret: string): string {
  const shown = secret.length > 8 ? secret.slice(-4) : '';
  return '*'.repeat(secret.length - shown.length) + shown;
}

/** Hides the user part of URLs (`redis://user:password@host`), secret-looking values of their queries, and bearer tokens inside a text. */
export function maskText(text: string): string {
  let masked = text;
  if (masked.includes('://')) masked = masked.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${HIDDEN}@`);
  if (masked.includes('?'))
    masked = masked.replace(/([?&])([\w.~%-]+)=([^&#\s"'<>]+)/g, (whole, mark: string, name: string) =>
      isSecretKey(name) ? `${mark}${name}=${HIDDEN}` : whole,
    );
  if (/bearer |apikey |basic /i.test(masked))
    masked = masked.replace(/\b(bearer|apikey|basic) +[\w.~+/=:-]{8,}/gi, `$1 ${HIDDEN}`);
  return masked;
}

/** A deep copy that can be shown: values under secret-looking keys are masked, texts cleaned, cycles and great depth cut. */
export function redact(value: unknown): unknown {
  return copy(value, 0, new Set());
}

function copy(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return maskText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date || Buffer.isBuffer(value)) return value instanceof Date ? value : `[${value.length} bytes]`;
  if (above.has(value) || depth >= MAX_DEPTH) return '[cut]';
  above.add(value);
  const shown = Array.isArray(value)
    ? value.map((entry) => copy(entry, depth + 1, above))
    : Object.fromEntries(
        Object.entries(value).map(([key, entry]) => [
          key,
          isSecretKey(key) ? hide(entry) : copy(entry, depth + 1, above),
        ]),
      );
  above.delete(value);
  return shown;
}

function hide(value: unknown): unknown {
  if (typeof value === 'string') return maskSecret(value);
  return value === undefined || value === null ? value : HIDDEN;
}
