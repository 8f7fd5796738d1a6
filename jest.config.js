const { jsc } = JSON.parse(require('node:fs').readFileSync(`${__dirname}/.swcrc`, 'utf8'));

/** What every project shares: swc instead of ts-jest (about twice as fast), aliases as in tsconfig.json. */
const base = {
  rootDir: __dirname,
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { ...jsc, baseUrl: __dirname }, module: { type: 'commonjs' }, sourceMaps: 'inline' },
    ],
  },
  moduleNameMapper: { '^@task-engine/(.*)$': '<rootDir>/libs/$1/src' },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
};

/** Real PostgreSQL and Redis, one of each for the whole run; started once even when both projects run. */
const servers = {
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  setupFilesAfterEnv: ['<rootDir>/test/support/longer-timeout.js'],
};

const TIME = '/test/e2e/engine/time.test.ts';

module.exports = {
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/{apps,libs,scripts,test,bench}/**/*.spec.ts'] },
    {
      ...base,
      ...servers,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts', '<rootDir>/{scripts,test/support}/**/*.test.ts'],
    },
    // a real container engine each, where one can start
    {
      ...base,
      globalSetup: '<rootDir>/test/containers/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/containers/support/global-teardown.ts',
      setupFilesAfterEnv: ['<rootDir>/test/support/longer-timeout.js'],
      displayName: 'containers',
      testMatch: ['<rootDir>/test/containers/**/*.test.ts'],
    },
    {
      ...base,
      ...servers,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      testPathIgnorePatterns: [TIME],
    },
    // looks at the clock: it has the machine for itself
    { ...base, ...servers, displayName: 'time', testMatch: [`<rootDir>${TIME}`] },
    // the long run of test/e2e/engine/chaos.test.ts, not part of `npm test`
    { ...base, ...servers, displayName: 'chaos', testMatch: ['<rootDir>/test/chaos/*.test.ts'] },
    { ...base, ...servers, displayName: 'faults', testMatch: ['<rootDir>/test/faults/**/*.test.ts'] },
  ],
};
