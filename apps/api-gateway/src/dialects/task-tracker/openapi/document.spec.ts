import 'reflect-metadata';
import Ajv2020 from 'ajv/dist/2020';
import { ROUTES } from '../addresses/routes';
import { PROJECT } from '../projects/project-request';
import { SUBMISSION } from '../tasks/task-submission';
import { taskTrackerDocument } from './document';

type Content = Record<string, { schema: object; example?: unknown; examples?: Record<string, { value: unknown }> }>;
type Operation = {
  operationId: string;
  tags: string[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content?: Content }>;
  security: Record<string, string[]>[];
};

const document = JSON.parse(JSON.stringify(taskTrackerDocument('1.2.3', 'tt')));
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);
const { schemas } = document.components;

describe('the OpenAPI document', () => {
  it('describes every route of the dialect, the root of its own listener, and no other', () => {
    const expected = ROUTES.map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([...expected, 'get /'].sort());
  });

  it('has an own id for each operation, its path parameters, and an answer', () => {
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    const tags = document.tags.map(({ name }: { name: string }) => name);
    for (const { path, operation } of operations) {
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
      expect(operation.responses['200'] ?? operation.responses['204']).toBeDefined();
      expect(Object.values(operation.responses).every(({ description }) => description !== '')).toBe(true);
      expect(tags).toEqual(expect.arrayContaining(operation.tags));
      for (const name of operation.security.flatMap((one) => Object.keys(one)))
        expect(document.components.securitySchemes).toHaveProperty(name);
    }
  });

  it('describes a body wherever one is read, and where none is, none', () => {
    const unread = /^\/project\/(accept_request|reject_request|reset_failed|hard_reset|reclaim)/;
    for (const { path, method, operation } of operations)
      expect({ path, body: operation.requestBody !== undefined }).toEqual({
        path,
        body: method === 'post' && !unread.test(path),
      });
  });

  it('names every field that is read', () => {
    const names = (schema: string) => Object.keys(schemas[schema].properties).sort();
    expect(names('Submission')).toEqual(Object.keys(SUBMISSION).sort());
    expect(names('NewProject')).toEqual(Object.keys(PROJECT).sort());
    expect(names('ProjectUpdate')).toEqual([...Object.keys(PROJECT), 'paused'].sort());
  });

  it('uses every schema that it has', () => {
    const text = JSON.stringify(document);
    for (const name of Object.keys(schemas)) expect(text).toContain(`"#/components/schemas/${name}"`);
  });

  it('has examples that its own schemas accept', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'document', ...document });
    let checked = 0;
    const check = (content: Content | undefined, where: string) => {
      for (const { schema, example, examples } of Object.values(content ?? {})) {
        const values = examples ? Object.values(examples).map(({ value }) => value) : [example];
        const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')));
        for (const value of values) {
          expect(value).toBeDefined();
          expect({ where, valid: validate(value), errors: validate.errors }).toMatchObject({ valid: true });
          checked += 1;
        }
      }
    };
    for (const { operation } of operations) {
      check(operation.requestBody?.content, `${operation.operationId} request`);
      for (const [status, { content }] of Object.entries(operation.responses))
        check(content, `${operation.operationId} ${status}`);
    }
    expect(checked).toBeGreaterThan(operations.length);
  });

  it('is made of schemas that work, with no keyword of ours', () => {
    const ajv = new Ajv2020({ strictSchema: true, strictTypes: false, strictTuples: false, validateFormats: false });
    ajv.addVocabulary(['example', 'components', 'info', 'openapi', 'paths', 'servers', 'tags']);
    ajv.addSchema({ $id: 'document', ...document });
    for (const name of Object.keys(schemas)) {
      expect(name).toMatch(/^[\w.-]+$/);
      expect(() => ajv.getSchema(`document#/components/schemas/${name}`)).not.toThrow();
    }
  });
});
