import { workflowSchemas } from './workflow-schemas';

describe('workflowSchemas', () => {
  it('lifts definitions to components of their own and points every reference there, also of definitions to each other', () => {
    const schemas = workflowSchemas('cut', {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        time: { type: 'number' },
        span: { type: 'object', properties: { start: { $ref: '#/$defs/time' }, inner: { $ref: '#/$defs/span' } } },
        'odd/name': { type: 'string' },
      },
      properties: {
        at: { $ref: '#/$defs/time', default: 0 },
        spans: { type: 'array', items: { $ref: '#/$defs/span' } },
        odd: { $ref: '#/$defs/odd~1name' },
        other: { $ref: '#/properties/at' },
        self: { $ref: '#' },
        $ref: { type: 'string' },
      },
    });
    const root = '#/components/schemas/Workflow_cut';
    expect(schemas).toEqual({
      Workflow_cut: {
        type: 'object',
        description: 'Parameters of `cut`.',
        properties: {
          at: { $ref: `${root}.time`, default: 0 },
          spans: { type: 'array', items: { $ref: `${root}.span` } },
          odd: { $ref: `${root}.odd_name` },
          other: { $ref: `${root}/properties/at` },
          self: { $ref: root },
          $ref: { type: 'string' },
        },
      },
      'Workflow_cut.time': { type: 'number' },
      'Workflow_cut.span': {
        type: 'object',
        properties: { start: { $ref: `${root}.time` }, inner: { $ref: `${root}.span` } },
      },
      'Workflow_cut.odd_name': { type: 'string' },
    });
  });

  it('says in words what the definitions say in keywords of their own', () => {
    const { Workflow_cut: schema } = workflowSchemas('cut', {
      type: 'object',
      properties: {
        seed: { type: 'string', 'x-supported': [], 'x-note': 'VUDRM' },
        cpix: { type: 'boolean', description: 'Fetch keys.', 'x-supported': [false], 'x-note': 'encryption' },
        storage: { enum: ['S3', 'local', 'x'], 'x-supported': ['local', 'x'] },
        proxy: { type: 'string', 'x-warning': 'not used' },
        source: { type: 'string', 'x-stream': true },
        'x-note': { type: 'string' },
      },
    });
    expect(schema!.properties).toEqual({
      seed: { type: 'string', description: 'Not supported yet (VUDRM).' },
      cpix: { type: 'boolean', description: 'Fetch keys. Supported so far: `false` (encryption).' },
      storage: { enum: ['S3', 'local', 'x'], description: 'Supported so far: `local`, `x`.' },
      proxy: { type: 'string', description: 'Note: not used.' },
      source: { type: 'string' },
      'x-note': { type: 'string' },
    });
  });
});
