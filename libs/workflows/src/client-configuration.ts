import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Json, JsonObject } from '@task-engine/domain';
import { deepFreeze } from './deep-freeze';
import { mergeDeep } from './merge-deep';

export const STORAGE_KINDS = ['S3', 'azure_blob', 'local'] as const;

export type StorageKind = (typeof STORAGE_KINDS)[number];

/** Storage on a file system that every worker sees. Each further key names a root: a folder below `base`. */
export interface LocalStorage {
  /** Absolute path. */
  base: string;
  input_root: string;
  output_root: string;
  [root: string]: string;
}

/** What an installation sets per client (CLIENTS_CONFIG); what a client sends never lands here. */
export interface ClientConfiguration {
  default_storage: StorageKind;
  storage: { local?: LocalStorage; S3?: JsonObject; azure_blob?: JsonObject };
  /** Extra headers on every callback of this client. Values may be secrets: never log them. */
  headers?: Record<string, string>;
  /** Values of `secrets.<name>` in headers and environments of tasks. Never log them. */
  secrets?: Record<string, string>;
  callbacks?: { list_segments?: boolean; [key: string]: Json | undefined };
  [key: string]: unknown;
}

const folder = z
  .string()
  .min(1)
  .refine((value) => value.split('/').every((part) => part !== '..' && part !== '.' && part !== ''), {
    error: 'must be a relative folder without empty, . or .. parts',
  });

const secret = z.union([z.string(), z.strictObject({ file: z.string().min(1) })]);

const layer = z.looseObject({
  default_storage: z.enum(STORAGE_KINDS).optional(),
  storage: z
    .strictObject({
      local: z
        .object({ base: z.string().min(1).optional() })
        .catchall(folder)
        .optional(),
      S3: z.looseObject({}).optional(),
      azure_blob: z.looseObject({}).optional(),
    })
    .optional(),
  headers: z.record(z.string(), z.string()).optional(),
  secrets: z.record(z.string(), secret).optional(),
  callbacks: z.looseObject({ list_segments: z.boolean().optional() }).optional(),
});

const file = z.strictObject({ defaults: layer.optional(), clients: z.record(z.string(), layer).optional() });

/** Configuration of all clients: built-in values, then `defaults` of the file, then `clients.<name>`, merged deeply. */
export class ClientConfigurations {
  private readonly known = new Map<string, ClientConfiguration>();

  private constructor(
    private readonly shared: JsonObject,
    private readonly own: Readonly<Record<string, JsonObject>>,
    private readonly home: string,
  ) {}

  /**
   * Reads the YAML file. Without one every client gets storage kind `local` below `<dataDir>/media/<client>`, which is also what a
   * file starts from. A base that clients share gets a folder for each, so that none reaches another's files; one that
   * `clients.<name>` sets is taken as it is. Throws Error naming every fault in the file, by key and never by value.
   */
  static load(options: { file?: string; dataDir: string }): ClientConfigurations {
    const builtIn = {
      default_storage: 'local',
      storage: {
        local: { base: path.resolve(options.dataDir, 'media'), input_root: 'ingest', output_root: 'content/vod' },
      },
    } satisfies JsonObject;
    const read = options.file === undefined ? {} : readConfiguration(options.file);
    const home = options.file === undefined ? options.dataDir : path.dirname(options.file);
    const base = mergeDeep(builtIn, (read.defaults ?? {}) as JsonObject);
    const configurations = new ClientConfigurations(base, (read.clients ?? {}) as Record<string, JsonObject>, home);
    // Faults of values that every client shares show here, not with the first job.
    complete(base, home);
    for (const name of Object.keys(read.clients ?? {})) configurations.for(name);
    return configurations;
  }

  /** The configuration of a client; one that the file does not name has the defaults. Frozen. */
  for(client: string): ClientConfiguration {
    const known = this.known.get(client);
    if (known) return known;
    const own = Object.hasOwn(this.own, client) ? this.own[client]! : {};
    const made = complete(mergeDeep(this.shared, own), this.home, hasBase(own) ? undefined : folderOf(client));
    this.known.set(client, made);
    return made;
  }
}

function readConfiguration(name: string): z.infer<typeof file> {
  let content: unknown;
  try {
    content = parse(readFileSync(name, 'utf8')) ?? {};
  } catch (error) {
    throw new Error(`Client configuration ${name} cannot be read: ${(error as Error).message.split('\n')[0]}`);
  }
  const result = file.safeParse(content);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
  throw new Error(`Client configuration ${name} is not valid: ${faults.join('; ')}`);
}

function hasBase(own: JsonObject): boolean {
  return (own as { storage?: { local?: { base?: unknown } } }).storage?.local?.base !== undefined;
}

/** A folder name that no other client has and that is no path. */
function folderOf(client: string): string {
  const name = encodeURIComponent(client)
    .replaceAll('*', '%2A')
    .replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length));
  return name.length <= 200 ? name : createHash('sha256').update(client).digest('hex');
}

/** Relative places count from the folder of the configuration file; secrets in files are read once, at start. */
function complete(merged: JsonObject, home: string, folder?: string): ClientConfiguration {
  const configuration = structuredClone(merged) as unknown as ClientConfiguration;
  const { local } = configuration.storage;
  if (local) local.base = path.resolve(home, local.base, folder ?? '.');
  for (const [name, value] of Object.entries(
    (configuration.secrets ?? {}) as Record<string, string | { file: string }>,
  )) {
    if (typeof value === 'string') continue;
    try {
      (configuration.secrets as Record<string, string>)[name] = readFileSync(
        path.resolve(home, value.file),
        'utf8',
      ).trim();
    } catch {
      throw new Error(`Client configuration: the file of secrets.${name} cannot be read`);
    }
  }
  return deepFreeze(configuration);
}
