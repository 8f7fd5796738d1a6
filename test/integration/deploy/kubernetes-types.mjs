// Reads a JSON array of Kubernetes objects from standard input and prints a JSON array of faults, without a cluster.
// A process of its own, because both packages are ES modules and Jest loads CommonJS.
import * as client from '@kubernetes/client-node';
import { text } from 'node:stream/consumers';

/** Required fields, types and formats, from the OpenAPI schemas. It does not mind unknown fields: the walk below does. */
async function schemaFaults(object) {
  const group = object.apiVersion;
  const models = await import(`kubernetes-models/${group}`);
  const Model = models[object.kind];
  if (!Model) return [`there is no ${object.kind} in ${object.apiVersion}`];
  try {
    new Model(object).validate();
    return [];
  } catch (error) {
    return [error.message];
  }
}

const plain = { string: 'string', number: 'number', boolean: 'boolean' };

/** Unknown fields and wrong types, from the client's table of attributes of each type. */
function attributeFaults(type, value, path) {
  const list = /^(?:Array|Set)<(.+)>$/.exec(type);
  if (list) {
    if (!Array.isArray(value)) return [`${path} must be a list`];
    return value.flatMap((entry, index) => attributeFaults(list[1], entry, `${path}[${index}]`));
  }
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type);
  if (map) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} must be a map`];
    return Object.entries(value).flatMap(([key, entry]) => attributeFaults(map[1], entry, `${path}.${key}`));
  }
  if (type in plain) return typeof value === plain[type] ? [] : [`${path} must be a ${type}`];
  if (type === 'IntOrString')
    return ['string', 'number'].includes(typeof value) ? [] : [`${path} must be a number or a string`];
  const known = client[type]?.getAttributeTypeMap?.();
  if (!known) return [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} must be an object`];
  return Object.entries(value).flatMap(([key, entry]) => {
    const attribute = known.find(({ baseName }) => baseName === key);
    return attribute
      ? attributeFaults(attribute.type, entry, `${path}.${key}`)
      : [`${path}.${key} is not a field of ${type}`];
  });
}

function typeOf({ apiVersion, kind }) {
  const version = apiVersion.split('/').at(-1);
  return version[0].toUpperCase() + version.slice(1) + kind;
}

const faults = [];
for (const object of JSON.parse(await text(process.stdin))) {
  const name = `${object.kind}/${object.metadata?.name}`;
  const found = [...(await schemaFaults(object)), ...attributeFaults(typeOf(object), object, name)];
  faults.push(...found.map((fault) => (fault.startsWith(name) ? fault : `${name}: ${fault}`)));
}
process.stdout.write(JSON.stringify(faults));
