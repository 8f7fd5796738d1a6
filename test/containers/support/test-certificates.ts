import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { containerTests } from './container-tests';

/** An authority of the test's own, and what it has signed: the engine's certificate for 127.0.0.1 and a client's. */
export interface TestCertificates {
  caFile: string;
  certFile: string;
  keyFile: string;
  client: { ca: string; cert: string; key: string };
}

/** Made anew each time, in the folder of the test run: no key lies in the repository. */
export function makeCertificates(): TestCertificates {
  const tests = containerTests();
  if ('missing' in tests) throw new Error(tests.missing);
  const folder = mkdtempSync(join(tests.root, 'tls-'));
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8', cwd: folder });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test authority',
    '-days',
    '1',
  );
  const sign = (name: string, extension: string) => {
    writeFileSync(file(`${name}.ext`), extension);
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-out', `${name}.pem`, '-extfile', `${name}.ext`);
  };
  sign('server', 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  sign('client', 'extendedKeyUsage=clientAuth\n');
  const text = (name: string) => readFileSync(file(name), 'utf8');
  return {
    caFile: file('ca.pem'),
    certFile: file('server.pem'),
    keyFile: file('server.key'),
    client: { ca: text('ca.pem'), cert: text('client.pem'), key: text('client.key') },
  };
}
