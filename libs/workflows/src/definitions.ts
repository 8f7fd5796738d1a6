import { existsSync, readdirSync, readFileSync, watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import { DomainError, type JsonObject } from '@task-engine/domain';
import { Definition } from './definition';
import {
  DefinitionFault,
  parseDefinitionText,
  readDefinition,
  readOverride,
  type DefinitionFile,
} from './definition-file';
import { mergeDefinition } from './definition-merge';
import { UNBUILT_WORKFLOWS } from './handlers';

/** One consistent set: what a reload swaps in whole. */
interface DefinitionSet {
  common: ReadonlyMap<string, Definition>;
  /** By client, then workflow. */
  clients: ReadonlyMap<string, ReadonlyMap<string, Definition>>;
}

/** Directory of the definitions that ship with the engine; found from the sources and from `dist`. */
export function builtInDefinitions(): string {
  const candidates = [
    path.resolve(__dirname, '../definitions'),
    path.resolve(__dirname, '../../../../libs/workflows/definitions'),
  ];
  return candidates.find((candidate) => existsSync(path.join(candidate, 'common'))) ?? (candidates[0] as string);
}

/**
 * The loaded workflow definitions. Each directory may hold `common/<workflow>.yaml` and
 * `clients/<client>/<workflow>.yaml`; a file of a later directory replaces the one of the same name of an earlier.
 */
export class Definitions {
  private current: DefinitionSet;
  private faults: string[] = [];

  private constructor(private readonly directories: readonly string[]) {
    const { set, faults } = readSet(directories);
    if (!set) throw new Error(`Workflow definitions are not valid:\n${faults.join('\n')}`);
    this.current = set;
  }

  /** Reads and checks everything. Throws Error with all faults: there is no older set to fall back to. */
  static load(options: { directories?: string[] } = {}): Definitions {
    return new Definitions(options.directories ?? [builtInDefinitions()]);
  }

  /** The client's definition of a workflow, else the common one. Throws DomainError unknown_workflow or not_supported. */
  resolve(workflow: string, client: string): Definition {
    const definition = this.current.clients.get(client)?.get(workflow) ?? this.current.common.get(workflow);
    if (definition) return definition;
    if (UNBUILT_WORKFLOWS.includes(workflow))
      throw new DomainError('not_supported', `Not supported: workflow '${workflow}' is not built yet`);
    throw new DomainError(
      'unknown_workflow',
      `Unknown workflow: ${workflow.length > 100 ? `${workflow.slice(0, 100)}...` : workflow}`,
    );
  }

  /** Names of the common workflows, sorted. */
  list(): string[] {
    return [...this.current.common.keys()].sort();
  }

  /** Why the last reload was refused, one line per fault with its file; empty when the present set is what the files say. */
  problems(): string[] {
    return [...this.faults];
  }

  /** JSON Schema 2020-12 of `parameters` of a common workflow, for API documents. Throws as `resolve`. */
  schema(workflow: string): JsonObject {
    return this.resolve(workflow, '').parameters.publish();
  }

  /** Reads the files again. A fault anywhere keeps the whole old set and shows in `problems`. True when the new set is in use. */
  reload(): boolean {
    const { set, faults } = readSet(this.directories);
    this.faults = faults;
    if (set) this.current = set;
    return set !== undefined;
  }

  /**
   * Reloads after changes, once they pause for `debounceMs` (default 300: an editor or a mounted ConfigMap changes several
   * entries at once). The result stops the watch; the watch alone keeps no process alive.
   */
  watch(options: { debounceMs?: number; onReload?: (problems: string[]) => void } = {}): () => void {
    let timer: NodeJS.Timeout | undefined;
    const changed = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.reload();
        options.onReload?.(this.problems());
      }, options.debounceMs ?? 300);
      timer.unref();
    };
    const watchers = this.directories.filter(existsSync).map((directory): FSWatcher => {
      const watcher = watch(directory, { recursive: true, persistent: false }, changed);
      return watcher.on('error', changed);
    });
    return () => {
      clearTimeout(timer);
      watchers.forEach((watcher) => watcher.close());
    };
  }
}

function readSet(directories: readonly string[]): { set?: DefinitionSet; faults: string[] } {
  const faults: string[] = [];
  const attempt = <T>(file: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      const lines = error instanceof DefinitionFault ? error.faults : [(error as Error).message];
      // Named from its definitions directory: the faults show on /health, which is no place for paths of the machine.
      const shown = path.relative(directories.find((directory) => file.startsWith(directory)) ?? '', file);
      faults.push(...lines.map((line) => `${shown}: ${line}`));
      return undefined;
    }
  };
  const common = new Map<string, Definition>();
  const commonFiles = new Map<string, DefinitionFile>();
  for (const [workflow, file] of definitionFiles(directories, 'common')) {
    attempt(file, () => {
      const content = readDefinition(readNamed(file, workflow));
      common.set(workflow, new Definition(content, 'common'));
      commonFiles.set(workflow, content);
    });
  }
  const clients = new Map<string, Map<string, Definition>>();
  const names = directories.flatMap((directory) => subfolders(path.join(directory, 'clients')));
  for (const client of new Set(names)) {
    const own = new Map<string, Definition>();
    for (const [workflow, file] of definitionFiles(directories, path.join('clients', client))) {
      attempt(file, () => own.set(workflow, readClientDefinition(file, workflow, commonFiles.get(workflow))));
    }
    clients.set(client, own);
  }
  if (common.size === 0 && faults.length === 0) faults.push('no workflow definitions found');
  return faults.length > 0 ? { faults } : { set: { common, clients }, faults };
}

function readClientDefinition(file: string, workflow: string, common: DefinitionFile | undefined): Definition {
  const content = readNamed(file, workflow);
  if (content.extends === 'none') return new Definition(readDefinition(content), 'client');
  if (!common) throw new DefinitionFault(["extends the common definition, but there is none; use 'extends: none'"]);
  return new Definition(mergeDefinition(common, readOverride(content)), 'client');
}

function readNamed(file: string, workflow: string): JsonObject {
  const content = parseDefinitionText(readFileSync(file, 'utf8'));
  if (content.workflow !== undefined && content.workflow !== workflow)
    throw new DefinitionFault([`workflow: must be '${workflow}', like the file`]);
  return content;
}

/** Workflow name -> file. */
function definitionFiles(directories: readonly string[], folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const directory of directories) {
    const place = path.join(directory, folder);
    if (!existsSync(place)) continue;
    for (const name of readdirSync(place).sort()) {
      const match = /^([a-z][a-z0-9_]*)\.ya?ml$/.exec(name);
      if (match) files.set(match[1] as string, path.join(place, name));
    }
  }
  return files;
}

function subfolders(place: string): string[] {
  if (!existsSync(place)) return [];
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map((entry) => entry.name)
    .filter((name) => !name.startsWith('.'));
}
