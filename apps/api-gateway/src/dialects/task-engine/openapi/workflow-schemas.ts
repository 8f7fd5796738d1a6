import type { Json, JsonObject } from '@task-engine/domain';

/**
 * The parameters of a workflow as components of an OpenAPI document: `Workflow_<name>`, and `Workflow_<name>.<definition>` for each of
 * the schema's `$defs`, since a reference in the document starts at the document's root. What the definitions say in keywords of
 * their own (docs/workflows.md) is told in the descriptions.
 * @param schema JSON Schema 2020-12 whose references stay inside it
 */
export function workflowSchemas(name: string, schema: JsonObject): Record<string, JsonObject> {
  const component = `Workflow_${name}`;
  const { $schema: _dialect, $defs = {}, ...parameters } = schema;
  const published = { ...publish(parameters, component), description: `Parameters of \`${name}\`.` };
  const definitions = Object.entries($defs as Record<string, JsonObject>).map(([key, definition]) => [
    `${component}.${componentName(key)}`,
    publish(definition, component),
  ]);
  return { [component]: published, ...(Object.fromEntries(definitions) as Record<string, JsonObject>) };
}

/** Members whose keys are names of the workflow's, not keywords. */
const NAMED = new Set(['properties', 'patternProperties', 'dependentSchemas']);
/** Members that hold data, in which no key is a keyword. */
const DATA = new Set(['default', 'enum', 'const', 'examples', 'example']);

function publish(schema: JsonObject, component: string): JsonObject {
  const { 'x-supported': supported, 'x-note': note, 'x-warning': warning, 'x-stream': _stream, ...rest } = schema;
  const description = [rest.description, supportText(supported, note), warning && `Note: ${warning as string}.`]
    .filter(Boolean)
    .join(' ');
  const members = Object.entries(rest).map(([key, value]): [string, Json] => {
    if (key === '$ref') return [key, reference(value as string, component)];
    if (DATA.has(key)) return [key, value];
    if (NAMED.has(key)) return [key, eachMember(value as JsonObject, component)];
    return [key, publishAny(value, component)];
  });
  return { ...Object.fromEntries(members), ...(description && { description }) };
}

function publishAny(value: Json, component: string): Json {
  if (Array.isArray(value)) return value.map((entry) => publishAny(entry, component));
  return typeof value === 'object' && value !== null ? publish(value, component) : value;
}

function eachMember(schemas: JsonObject, component: string): JsonObject {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, publishAny(schema, component)]));
}

function supportText(supported: Json | undefined, note: Json | undefined): string | undefined {
  if (!Array.isArray(supported)) return undefined;
  const values = supported.map((value) => `\`${String(value)}\``).join(', ');
  return `${values ? `Supported so far: ${values}` : 'Not supported yet'}${note ? ` (${note as string})` : ''}.`;
}

function reference(target: string, component: string): string {
  const [, definition, below] = /^#\/\$defs\/([^/]+)(.*)$/s.exec(target) ?? [];
  if (definition === undefined) return target.replace(/^#/, `#/components/schemas/${component}`);
  const key = decodeURIComponent(definition).replaceAll('~1', '/').replaceAll('~0', '~');
  return `#/components/schemas/${component}.${componentName(key)}${below}`;
}

/** OpenAPI allows few characters in the names of components. */
function componentName(key: string): string {
  return key.replace(/[^\w.-]/g, '_');
}
