import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { CLIENT_NAME } from '@task-engine/platform';
import { Batch } from './batch';
import {
  type CallingClient,
  Database,
  type KeyHash,
  type ClientKeyRecord,
  type ClientRecord,
} from '@task-engine/database';

const sha256 = (key: string) => createHash('sha256').update(key, 'utf8').digest();

/** Clients looked up in one statement at most. */
const LOOKUPS = 100;

/** Checks a client's key. */
@Injectable()
export class AuthenticateClient {
  /** Requests that arrive together are looked up together. Nothing is remembered: a revoked key stops working at once. */
  private readonly lookups: Batch<string, KeyHash[]>;

  constructor(database: Database) {
    this.lookups = new Batch(
      async (names) => {
        const known = await database.stores.clients.keyHashes([...new Set(names)]);
        return names.map((name) => known.filter((key) => key.name === name));
      },
      { size: LOOKUPS, parallel: 2 },
    );
  }

  /**
   * Compares against every live key in constant time; an unknown client takes the same path as a wrong key.
   * @throws DomainError unauthorised
   */
  async run(name: string, key: string): Promise<ClientRecord> {
    const given = sha256(key);
    let clientId: number | undefined;
    for (const known of await this.lookups.add(name)) {
      if (timingSafeEqual(known.hash, given)) clientId = known.clientId;
    }
    if (clientId === undefined) throw new DomainError('unauthorised', 'Unauthorised request.');
    return { id: clientId, name };
  }
}

/** Who calls, for requests that name nobody but by a key, or whose name somebody else vouches for. Nothing is remembered here either. */
@Injectable()
export class FindClient {
  private readonly keys: Batch<string, CallingClient | undefined>;
  private readonly names: Batch<string, CallingClient | undefined>;

  constructor(database: Database) {
    const limits = { size: LOOKUPS, parallel: 2 };
    this.keys = new Batch<string, CallingClient | undefined>(async (hashes) => {
      const known = await database.stores.clients.ofKeys([...new Set(hashes)]);
      return hashes.map((hash) => known.find((client) => client.hash === hash));
    }, limits);
    this.names = new Batch<string, CallingClient | undefined>(async (names) => {
      const known = await database.stores.clients.named([...new Set(names)]);
      return names.map((name) => known.find((client) => client.name === name));
    }, limits);
  }

  /** The index finds the hash of a key: how long that takes says nothing about any key. */
  byKey(key: string): Promise<CallingClient | undefined> {
    return this.keys.add(sha256(key).toString('hex'));
  }

  /** The engine's own clients, which have no keys, are found under no name. */
  async byName(name: string): Promise<CallingClient | undefined> {
    return CLIENT_NAME.test(name) ? this.names.add(name) : undefined;
  }
}

/** Creates and revokes keys. A key is shown once, where it is created, and stored as its SHA-256. */
@Injectable()
export class ClientKeys {
  constructor(private readonly database: Database) {}

  /** Makes sure the clients exist with these keys (BOOTSTRAP_CLIENTS). A key that was revoked stays revoked. */
  async bootstrap(clients: { name: string; key: string }[]): Promise<void> {
    for (const { name, key } of clients) await this.add(name, key);
  }

  /**
   * A new key for a client, which is created when it is new. @returns the key: nobody can read it later
   * @throws DomainError invalid_parameter for a name that no client with a key can have
   */
  async create(name: string): Promise<string> {
    if (!CLIENT_NAME.test(name)) {
      throw new DomainError(
        'invalid_parameter',
        'A client name is 1 to 100 letters, digits, dots, dashes or underscores',
      );
    }
    const key = randomBytes(24).toString('base64url');
    await this.add(name, key);
    return key;
  }

  /** A new key; the client's others stop working. */
  async rotate(name: string): Promise<string> {
    const client = await this.existing(name);
    await this.database.stores.clients.revoke({ clientId: client.id });
    return this.create(name);
  }

  /** @returns ids of the keys revoked now */
  async revoke(which: { keyId: number } | { client: string }): Promise<number[]> {
    const { clients } = this.database.stores;
    return clients.revoke('keyId' in which ? which : { clientId: (await this.existing(which.client)).id });
  }

  list(): Promise<ClientKeyRecord[]> {
    return this.database.stores.clients.listKeys();
  }

  async existing(name: string): Promise<ClientRecord> {
    const client = await this.database.stores.clients.find(name);
    if (!client) throw new DomainError('not_found', `Unknown client: ${name}`);
    return client;
  }

  private async add(name: string, key: string): Promise<void> {
    const client = await this.database.stores.clients.ensure(name);
    await this.database.stores.clients.addKey(client.id, sha256(key), key.slice(-4));
  }
}
