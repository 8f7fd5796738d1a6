import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import { fetchJson, type JsonAnswer } from '../../support/fetch-json';

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- a document of OpenAPI */
type Any = any;

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Holds answers against the API's own description: their status, headers and body are among those that it has for the address. */
export class Description {
  private static readonly known = new Map<string, Promise<Description>>();
  private readonly ajv = new Ajv2020({ strict: false, formats: { 'date-time': DATE_TIME } });
  private readonly validators = new Map<string, ValidateFunction>();

  private constructor(private readonly document: Any) {
    this.ajv.addSchema({ $id: 'document', ...document });
  }

  static of(url: string): Promise<Description> {
    const known =
      this.known.get(url) ??
      fetchJson<Any>(`${url}/openapi/task-scheduler.json`).then(({ body }) => new Description(body));
    this.known.set(url, known);
    return known;
  }

  /**
   * @param address below the server, with its query
   * @param counted not of somebody whose requests have no limit
   */
  check(method: string, address: string, answer: JsonAnswer<unknown>, counted: boolean): void {
    if (method === 'HEAD') return;
    const what = `${method} ${address.slice(0, 100)} ${answer.status}`;
    const operation = this.operationAt(method, address.split('?', 1)[0]!);
    const described = operation?.responses[answer.status];
    if (operation && !described) throw new Error(`not described: ${what} ${answer.text}`);
    const missing = Object.keys(described?.headers ?? {}).filter((name) => answer.headers.get(name) === null);
    if (missing.length > 0 && counted) throw new Error(`without ${missing.join(', ')}: ${what}`);
    const schema = described?.content['application/json'].schema ?? { $ref: '#/components/schemas/Error' };
    const valid = this.validator(schema);
    if (!valid(answer.body))
      throw new Error(`not as described: ${what} ${this.ajv.errorsText(valid.errors)}: ${answer.text}`);
  }

  private operationAt(method: string, path: string): Any {
    const [, template] =
      Object.keys(this.document.paths as object)
        .map((known) => [new RegExp(`^${known.replace(/\{\w+\}/g, '[^/]+')}$`), known] as const)
        .find(([pattern]) => pattern.test(path)) ?? [];
    return template && this.document.paths[template][method.toLowerCase()];
  }

  private validator(schema: object): ValidateFunction {
    const text = JSON.stringify(schema).replaceAll('"#/', '"document#/');
    const validate = this.validators.get(text) ?? this.ajv.compile(JSON.parse(text) as object);
    this.validators.set(text, validate);
    return validate;
  }
}
