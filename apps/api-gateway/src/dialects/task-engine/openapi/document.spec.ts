import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, MODULE_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { JobListQuery, namesOf, SubmittedJobDto, UpdateJobDto } from '@task-engine/dto';
import { Definitions } from '@task-engine/workflows';
import Ajv2020 from 'ajv/dist/2020';
import { TaskEngineModule } from '../task-engine.module';
import { taskEngineDocument } from './document';

type Operation = {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content?: Content }>;
  security: Record<string, string[]>[];
};
type Content = Record<string, { schema: object; example?: unknown }>;

const document = JSON.parse(JSON.stringify(taskEngineDocument('1.2.3', Definitions.load({}))));
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

/** Every $ref, wherever it stands. */
function referencesOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === '$ref' && typeof member === 'string' ? [member] : referencesOf(member),
  );
}

/** What a reference points at, from the root of the document as readers of OpenAPI resolve it. */
function resolve(reference: string): unknown {
  const [file, pointer] = reference.split('#');
  if (file !== '' || pointer === undefined) return undefined;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], document);
}

function registeredRoutes(): string[] {
  const controllers: (new () => object)[] = Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, TaskEngineModule);
  return controllers.flatMap(({ prototype }) =>
    Object.getOwnPropertyNames(prototype)
      .map((name) => prototype[name as keyof object] as object)
      .filter((handler) => Reflect.hasMetadata(METHOD_METADATA, handler))
      .map((handler) => {
        const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler)]!.toLowerCase();
        const path = `/${Reflect.getMetadata(PATH_METADATA, handler)}`.replace('//', '/').replace(/:(\w+)/g, '{$1}');
        return `${method} ${path}`;
      }),
  );
}

describe('the OpenAPI document', () => {
  it('describes every route of the dialect and no other', () => {
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(registeredRoutes().sort());
  });

  it('has an own id for each operation, its path parameters, and an answer', () => {
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { path, operation } of operations) {
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
      expect(operation.responses['200']!.content).toBeDefined();
      expect(Object.values(operation.responses).every(({ description }) => description !== '')).toBe(true);
      for (const name of operation.security.flatMap((one) => Object.keys(one)))
        expect(document.components.securitySchemes).toHaveProperty(name);
    }
  });

  it('names every parameter and field that is read', () => {
    const query = operations.find(({ operation }) => operation.operationId === 'listJobs')!.operation.parameters!;
    expect(query.map(({ name }) => name).sort()).toEqual(namesOf(JobListQuery).sort());
    expect(Object.keys(document.components.schemas.Update.properties).sort()).toEqual(namesOf(UpdateJobDto).sort());
    const submitted = namesOf(SubmittedJobDto).filter((name) => name !== 'sempahore_url');
    expect(Object.keys(document.components.schemas.Submission.properties.job.properties).sort()).toEqual(
      submitted.sort(),
    );
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

  it('has the parameters of every workflow, each a schema that works', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'document', ...document });
    for (const name of Definitions.load({}).list()) {
      const validate = ajv.getSchema(`document#/components/schemas/Workflow_${name}`)!;
      expect(validate(5)).toBe(false);
    }
    const capture = ajv.getSchema('document#/components/schemas/Workflow_vodcapture')!;
    const parameters = { content_id: 'a', output_folder: 'a', clips: [{ source: 'http://a/b.mp4', start: 5 }] };
    expect(capture(parameters)).toBe(true);
    expect(capture({ ...parameters, thumbnail_time: true })).toBe(false);
  });

  it('refers to nothing that is not there', () => {
    const references = referencesOf(document);
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((reference) => resolve(reference) === undefined)).toEqual([]);
  });

  it('speaks OpenAPI 3.1 only: plain component names, no keyword of ours', () => {
    for (const name of Object.keys(document.components.schemas)) expect(name).toMatch(/^[\w.-]+$/);
    const ajv = new Ajv2020({ strictSchema: true, strictTypes: false, strictTuples: false, validateFormats: false });
    ajv.addVocabulary(['example', 'components', 'info', 'openapi', 'paths', 'servers', 'tags']);
    ajv.addSchema({ $id: 'document', ...document });
    for (const [name, schema] of Object.entries<object>(document.components.schemas)) {
      expect(schema).not.toHaveProperty('$defs');
      expect(() => ajv.getSchema(`document#/components/schemas/${name}`)).not.toThrow();
    }
  });
});
