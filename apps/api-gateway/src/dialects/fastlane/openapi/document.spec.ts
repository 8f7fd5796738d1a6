import 'reflect-metadata';
import { EnqueueDto, namesOf } from '@task-engine/dto';
import Ajv2020 from 'ajv/dist/2020';
import { ROUTES, SOCKET_PATHS } from '../addresses/routes';
import { fastlaneDocument } from './document';

type Content = Record<string, { schema: object; example?: unknown }>;
type Operation = {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content?: Content }>;
  security: Record<string, string[]>[];
};

const document = JSON.parse(JSON.stringify(fastlaneDocument('1.2.3')));
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

describe('the OpenAPI document', () => {
  it('describes every route of the dialect and no other', () => {
    const named = (path: string, slash: boolean) => path.replace(/:(\w+)/g, '{$1}') + (slash ? '/' : '');
    const expected = ROUTES.flatMap(({ path, methods, slash }) =>
      methods.map((method) => `${method.toLowerCase()} ${named(path, slash !== 'none')}`),
    );
    const sockets = SOCKET_PATHS.map((path) => `get ${named(path, true)}`);
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([...expected, ...sockets].sort());
  });

  it('has an own id for each operation, its path parameters, and an answer', () => {
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { path, operation } of operations) {
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
      expect(operation.responses[path.endsWith('/ws/') ? '101' : '200']).toBeDefined();
      expect(Object.values(operation.responses).every(({ description }) => description !== '')).toBe(true);
      for (const name of operation.security.flatMap((one) => Object.keys(one)))
        expect(document.components.securitySchemes).toHaveProperty(name);
    }
  });

  it('names every field that is read', () => {
    expect(Object.keys(document.components.schemas.Payload.properties).sort()).toEqual(namesOf(EnqueueDto).sort());
  });

  it('has examples that its own schemas accept', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'document', ...document });
    let checked = 0;
    const check = (content: Content | undefined, where: string) => {
      for (const { schema, example } of Object.values(content ?? {})) {
        expect(example).toBeDefined();
        const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')));
        expect({ where, valid: validate(example), errors: validate.errors }).toMatchObject({ valid: true });
        checked += 1;
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
    for (const name of Object.keys(document.components.schemas)) {
      expect(name).toMatch(/^[\w.-]+$/);
      expect(() => ajv.getSchema(`document#/components/schemas/${name}`)).not.toThrow();
    }
  });
});
