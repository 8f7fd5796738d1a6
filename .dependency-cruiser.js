/** The import rules of docs/architecture.md, enforced: apps -> engine -> database, messaging -> dto -> domain; platform beside them. */

const libs = 'domain|dto|database|messaging|engine|workflows|platform';
const product = '^(apps|libs)/';
const spec = '\\.(spec|test|fixture)\\.ts$';

/** `lib` may import of our own code itself and `allowed`, and nothing else. */
function layer(lib, allowed) {
  const reachable = [lib, ...allowed].join('|');
  return {
    name: `${lib}-imports`,
    comment: `libs/${lib} may import ${allowed.length > 0 ? allowed.map((each) => `libs/${each}`).join(', ') : 'nothing of ours'}.`,
    severity: 'error',
    from: { path: `^libs/${lib}/`, pathNot: spec },
    to: { path: `^(apps/|scripts/|test/|libs/(?!(${reachable})/)(${libs})/)` },
  };
}

/** npm packages that one place knows. */
function only(name, packages, home, comment) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: product, pathNot: [home, spec] },
    to: { path: `node_modules/(${packages})/`, dependencyTypesNot: ['type-only'] },
  };
}

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle makes the order of loading matter.',
      severity: 'error',
      from: { pathNot: '^node_modules/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports and that is no entry point is dead.',
      severity: 'error',
      from: {
        orphan: true,
        path: product,
        pathNot: [spec, '\\.d\\.ts$', '(^|/)main\\.ts$', '/src/index\\.ts$', '/migrations/', '/data/', '/definitions/'],
      },
      to: {},
    },
    layer('domain', []),
    layer('dto', ['domain']),
    layer('database', ['dto', 'domain', 'platform']),
    layer('messaging', ['dto', 'domain', 'platform']),
    layer('workflows', ['domain', 'platform']),
    layer('engine', ['database', 'messaging', 'dto', 'domain', 'workflows', 'platform']),
    layer('platform', []),
    {
      name: 'domain-is-pure',
      comment: 'libs/domain is plain TypeScript: no package, no builtin, no I/O.',
      severity: 'error',
      from: { path: '^libs/domain/', pathNot: spec },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'core'] },
    },
    {
      name: 'apps-are-islands',
      comment: 'Apps meet in the database and over queues, never in code.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'dialects-are-islands',
      comment: 'What two dialects share belongs in libs/engine or beside the dialects folder.',
      severity: 'error',
      from: { path: '^apps/api-gateway/src/dialects/([^/]+)/' },
      to: { path: '^apps/api-gateway/src/dialects/', pathNot: '^apps/api-gateway/src/dialects/$1/' },
    },
    {
      name: 'libs-only-through-their-index',
      comment: 'Import @task-engine/<lib>, not a file of it.',
      severity: 'error',
      from: { path: '^(apps|libs|scripts|test|bench)/([^/]+)/' },
      to: { path: `^libs/(${libs})/src/`, pathNot: ['^libs/[^/]+/src/index\\.ts$', '^$1/$2/'] },
    },
    {
      name: 'product-does-not-import-tests-or-scripts',
      severity: 'error',
      from: { path: product, pathNot: spec },
      to: { path: ['^(test|scripts|bench)/', spec] },
    },
    only(
      'database-packages',
      '(@nestjs/)?typeorm|pg|pg-[^/]+',
      '^libs/database/',
      'TypeORM and pg are known to libs/database only.',
    ),
    only(
      'messaging-packages',
      '(@nestjs/)?bull|ioredis|@nestjs/microservices',
      '^libs/messaging/',
      'Bull, ioredis and the transports are known to libs/messaging only.',
    ),
    only(
      'outgoing-http',
      'undici|axios|got|node-fetch',
      '^libs/platform/',
      'Requests leave through OutboundHttp only: it refuses private addresses.',
    ),
    {
      name: 'outgoing-sockets',
      comment:
        'No builtin client may open connections past OutboundHttp; http.createServer belongs to tests. The spawner speaks to its own child.',
      severity: 'error',
      from: {
        path: product,
        pathNot: ['^libs/platform/', '^apps/task-worker/src/executors/container/spawner', spec],
      },
      to: {
        path: '^(node:)?(http|https|http2|net|tls|dgram)$',
        dependencyTypes: ['core'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-dev-packages-in-product',
      comment: 'Production installs leave devDependencies out.',
      severity: 'error',
      from: { path: product, pathNot: spec },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^(apps|libs|scripts|test|bench)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'not-resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: ['^dist/', '/dist/apps/', '/dist/libs/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
    skipAnalysisNotInRules: true,
  },
};
