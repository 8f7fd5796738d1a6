import 'reflect-metadata';
import Ajv2020 from 'ajv/dist/2020';
import { CheckpointDto, CreateTaskDto, CreateWebhookDto, namesOf, UpdateTaskDto } from '@task-engine/dto';
import { ROUTES } from '../addresses/routes';
import { taskSchedulerDocument } from './document';

type Content = Record<string, { schema: object; example?: unknown }>;
type Operation = {
  operationId: string;
  tags: string[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content?: Content; headers?: Record<string, unknown> }>;
  security: Record<string, string[]>[];
};

const document = JSON.parse(JSON.stringify(taskSchedulerDocument('1.2.3')));
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);
const { schemas } = document.components;

describe('the OpenAPI document', () => {
  it('describes every route of the dialect and no other', () => {
    const expected = ROUTES.map(({ method, path }) => `${method.toLowerCase()} /api${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(expected.sort());
  });

  it('has an own id for each operation, its path parameters, and an answer', () => {
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    const tags = document.tags.map(({ name }: { name: string }) => name);
    for (const { path, operation } of operations) {
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
      const [success] = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
      expect(Object.keys(success![1].headers!)).toEqual([
        'X-RateLimit-Limit',
        'X-RateLimit-Remaining',
        'X-RateLimit-Reset',
      ]);
      for (const status of ['401', '403', '406', '429', '500', '503'])
        expect(operation.responses).toHaveProperty(status);
      expect(Object.values(operation.responses).every(({ description }) => description !== '')).toBe(true);
      expect(tags).toEqual(expect.arrayContaining(operation.tags));
      for (const name of operation.security.flatMap((one) => Object.keys(one)))
        expect(document.components.securitySchemes).toHaveProperty(name);
    }
  });

  it('describes a body wherever one is read, and where none is, none', () => {
    const unread = /\/(cancel|retry|replay)$/;
    for (const { path, method, operation } of operations)
      expect({ path, body: operation.requestBody !== undefined }).toEqual({
        path,
        body: (method === 'post' || method === 'put') && !unread.test(path),
      });
  });

  it('names every field that is read', () => {
    const names = (schema: string) => Object.keys(schemas[schema].properties).sort();
    const unchangeable = ['command', 'status', 'checkpoint_enabled'];
    expect(names('NewTask')).toEqual(namesOf(CreateTaskDto).sort());
    expect(names('TaskUpdate')).toEqual(
      namesOf(UpdateTaskDto)
        .filter((name) => !unchangeable.includes(name))
        .sort(),
    );
    expect(names('Checkpoint')).toEqual(namesOf(CheckpointDto));
    expect(names('NewWebhook')).toEqual(namesOf(CreateWebhookDto).sort());
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
      for (const { schema, example } of Object.values(content ?? {})) {
        const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')));
        expect(example).toBeDefined();
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
    for (const name of Object.keys(schemas)) {
      expect(name).toMatch(/^[\w.-]+$/);
      expect(() => ajv.getSchema(`document#/components/schemas/${name}`)).not.toThrow();
    }
  });
});
