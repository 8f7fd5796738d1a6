import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  controllerSchema,
  dispatcherSchema,
  gatewaySchema,
  schedulerSchema,
  toolSchema,
  workerSchema,
} from '@task-engine/platform';
import { parse, parseAllDocuments } from 'yaml';

/** The schema that an image's process parses its environment with, by the name of the image's target. */
export const SCHEMAS = {
  'api-gateway': gatewaySchema,
  'job-controller': controllerSchema,
  'task-worker': workerSchema,
  'callback-dispatcher': dispatcherSchema,
  scheduler: schedulerSchema,
  tools: toolSchema,
} as const;

export type Target = keyof typeof SCHEMAS;

export const APPS = (Object.keys(SCHEMAS) as Target[]).filter((target) => target !== 'tools');

/** What manifests are read as; their real types are checked by kubernetes-types.mjs. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Manifest = any;

/** The checkout, of the sources and of dist/ alike. */
export function root(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

export const path = (...parts: string[]): string => join(root(), ...parts);

export const kustomization = (): Manifest => parse(readFileSync(path('k8s/base/kustomization.yaml'), 'utf8'));

export const baseFiles = (): string[] =>
  readdirSync(path('k8s/base')).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');

export const manifests = (): Manifest[] => manifestsIn('k8s/base', kustomization().resources as string[]);

/** What files of a folder hold, in order. */
export function manifestsIn(folder: string, names: string[]): Manifest[] {
  return names.flatMap((name) =>
    parseAllDocuments(readFileSync(path(folder, name), 'utf8')).map((document) => {
      if (document.errors.length > 0) throw new Error(`${name}: ${document.errors.join()}`);
      return document.toJS();
    }),
  );
}

export const ofKind = (kind: string): Manifest[] => manifests().filter((each) => each.kind === kind);

/** compose.yaml with `${NAME:-default}` filled in; `given` stands in for what the operator must set. */
export function compose(given: Record<string, string>): Manifest {
  const text = readFileSync(path('docker/compose.yaml'), 'utf8');
  const filled = text.replace(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind: string | undefined, rest: string) => {
      if (kind === '-') return given[name] ?? rest;
      if (given[name] === undefined) throw new Error(`compose.yaml uses ${name}, which nothing sets`);
      return given[name];
    },
  );
  return parse(filled, { merge: true });
}

export interface Stage {
  name: string;
  from: string;
  /** Instructions with their arguments, those of the stages it builds on first. */
  steps: { instruction: string; rest: string }[];
}

/** The stages of the Dockerfile by name, each with what it inherits. */
export function dockerStages(): Map<string, Stage> {
  const text = readFileSync(path('docker/Dockerfile'), 'utf8').replace(/\\\n/g, ' ').replace(/^#.*$/gm, '');
  const stages = new Map<string, Stage>();
  let current: Stage | undefined;
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, instruction = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    const from = /^(\S+) AS (\S+)$/.exec(rest);
    if (instruction === 'FROM' && from) {
      current = { name: from[2]!, from: from[1]!, steps: [...(stages.get(from[1]!)?.steps ?? [])] };
      stages.set(current.name, current);
    } else current?.steps.push({ instruction, rest });
  }
  return stages;
}

export const stepsOf = (stage: Stage, instruction: string): string[] =>
  stage.steps.filter((step) => step.instruction === instruction).map(({ rest }) => rest);

/** Variables that a stage's ENV instructions set. */
export function environmentOf(stage: Stage): Record<string, string> {
  const pairs = stepsOf(stage, 'ENV').flatMap((rest) => rest.split(/\s+/));
  return Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string]));
}
