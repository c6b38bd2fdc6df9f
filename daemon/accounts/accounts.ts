import { base58btc } from 'multiformats/bases/base58';

import type { Account, Caller, Scope, Token } from '../domain/account.ts';
import { FbpdError, isFbpdError } from '../domain/errors.ts';
import type { Accounts, Clock, Store, Versioned } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { checkAccountName, checkToken } from './check.ts';
import { encodeSecret, hashSecret, isWellFormedSecret } from './secret.ts';
import { TokenCache } from './token-cache.ts';

/**
 * The record types of accounts and tokens that the store is to count.
 *
 * - `a/<account id>`: an {@link Account}
 * - `an/<account name>`: whose name it is
 * - `t/<SHA-256 of the secret>`: a {@link Token}
 * - `ti/<token id>`: under which hash the token lies
 */
export const COUNTED_TYPES = ['a', 't'] as const;

const TOKEN_ID_SIZE_BYTES = 8;
const DEFAULT_CACHED_TOKENS = 10_000;

export interface AccountsOptions {
  store: Store;
  clock: Clock;
  log: Log;
  randomBytes: (size: number) => Uint8Array;
  randomUUID: () => string;
  /** Tokens kept in memory. Default 10,000. */
  cachedTokens?: number;
}

/** Opens the accounts that the store holds. */
export async function openAccounts(options: AccountsOptions): Promise<Accounts> {
  const accounts = new Map<string, Versioned<Account>>();
  for await (const [, record] of options.store.range<Account>({ gte: 'a/', lt: 'a0' })) accounts.set(record.value.id, record);
  return new StoredAccounts(options, accounts);
}

/** A token with the key it lies under. */
interface FiledToken {
  hash: string;
  record: Versioned<Token>;
}

class StoredAccounts implements Accounts {
  readonly #options: AccountsOptions;
  /** All of them: every request needs one, and a suspension must hold at once. */
  readonly #accounts: Map<string, Versioned<Account>>;
  readonly #cache: TokenCache;
  /** The last change under way; the next one waits for it, so that they never run into each other. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(options: AccountsOptions, accounts: Map<string, Versioned<Account>>) {
    this.#options = options;
    this.#accounts = accounts;
    this.#cache = new TokenCache(options.cachedTokens ?? DEFAULT_CACHED_TOKENS);
  }

  async authenticate(secret: string): Promise<Caller | undefined> {
    if (!isWellFormedSecret(secret)) return undefined;
    const hash = hashSecret(secret);
    const token = this.#cache.get(hash) ?? (await this.#readToken(hash));
    if (token === undefined || (token.expiresMs !== undefined && token.expiresMs <= this.#options.clock.nowMs())) return undefined;
    const account = this.#accounts.get(token.accountId)?.value;
    return account && { account, token };
  }

  async #readToken(hash: string): Promise<Token | undefined> {
    const { generation } = this.#cache;
    const record = await this.#options.store.get<Token>(`t/${hash}`);
    if (record !== undefined) this.#cache.keep(hash, record.value, generation);
    return record?.value;
  }

  async add(name: string): Promise<Account> {
    checkAccountName(name);
    return this.#change(async () => {
      const account: Account = { id: this.#options.randomUUID(), name, createdMs: this.#options.clock.nowMs(), state: 'active' };
      const version = await this.#addRecord(account);
      this.#accounts.set(account.id, { value: account, version });
      this.#audit('account added', { account });
      return account;
    });
  }

  async #addRecord(account: Account): Promise<number> {
    const nameKey = `an/${account.name}`;
    const idKey = `a/${account.id}`;
    try {
      return await this.#options.store.commit({
        expect: { [idKey]: null, [nameKey]: null },
        ops: [
          { put: idKey, value: account },
          { put: nameKey, value: { id: account.id } },
        ],
      });
    } catch (error) {
      if (!isFbpdError(error, 'CONFLICT')) throw error;
      throw new FbpdError('CONFLICT', `there is an account named ${account.name} already`, { subject: 'name', cause: error });
    }
  }

  async list(): Promise<Account[]> {
    return [...this.#accounts.values()].map(({ value }) => value).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async find(idOrName: string): Promise<Account> {
    const byId = this.#accounts.get(idOrName)?.value;
    const account = byId ?? [...this.#accounts.values()].find(({ value }) => value.name === idOrName)?.value;
    if (account === undefined) throw noSuchAccount(idOrName);
    return account;
  }

  async setState(accountId: string, state: Account['state']): Promise<Account> {
    return this.#change(async () => {
      const { value, version } = this.#filed(accountId);
      if (value.state === state) return value;
      if (value.state === 'deleting') throw beingDeleted(value);
      const account: Account = { ...value, state };
      const key = `a/${accountId}`;
      const changed = await this.#options.store.commit({ expect: { [key]: version }, ops: [{ put: key, value: account }] });
      this.#accounts.set(accountId, { value: account, version: changed });
      this.#audit(`account ${state}`, { account });
      return account;
    });
  }

  async remove(accountId: string): Promise<void> {
    return this.#change(async () => {
      const { value: account, version } = this.#filed(accountId);
      if (account.state !== 'deleting') {
        throw new FbpdError('CONFLICT', `account ${account.name} is ${account.state}: only one that is being deleted can be removed`);
      }
      const tokens = await this.#filedTokens(accountId);
      const tokenKeys = tokens.map(({ hash }) => `t/${hash}`);
      await this.#options.store.commit({
        expect: {
          [`a/${accountId}`]: version,
          ...Object.fromEntries(tokens.map(({ hash, record }) => [`t/${hash}`, record.version])),
        },
        ops: [
          ...[`a/${accountId}`, `an/${account.name}`, ...tokenKeys].map((del) => ({ del })),
          ...tokens.map(({ record }) => ({ del: `ti/${record.value.id}` })),
        ],
      });
      this.#accounts.delete(accountId);
      this.#cache.forget(tokens.map(({ hash }) => hash));
      this.#audit('account removed', { account, tokens: tokens.length });
    });
  }

  async createToken(
    accountId: string,
    options: { name: string; scopes: readonly Scope[]; expiresMs?: number },
  ): Promise<{ token: Token; secret: string }> {
    const nowMs = this.#options.clock.nowMs();
    checkToken(options, nowMs);
    return this.#change(async () => {
      const { value: account, version } = this.#filed(accountId);
      if (account.state === 'deleting') throw beingDeleted(account);
      const { name, scopes, expiresMs } = options;
      const id = base58btc.baseEncode(this.#options.randomBytes(TOKEN_ID_SIZE_BYTES));
      const secret = encodeSecret(this.#options.randomBytes(32));
      const hash = hashSecret(secret);
      const token: Token = {
        id,
        accountId,
        name,
        scopes: [...new Set(scopes)],
        createdMs: nowMs,
        ...(expiresMs === undefined ? {} : { expiresMs }),
      };
      await this.#options.store.commit({
        expect: { [`a/${accountId}`]: version, [`t/${hash}`]: null, [`ti/${id}`]: null },
        ops: [
          { put: `t/${hash}`, value: token },
          { put: `ti/${id}`, value: { hash } },
        ],
      });
      this.#audit('token created', { account, token: id, name, scopes: token.scopes, expiresMs });
      return { token, secret };
    });
  }

  async tokens(accountId?: string): Promise<Token[]> {
    const tokens = await this.#filedTokens(accountId);
    return tokens.map(({ record }) => record.value).sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
  }

  async revoke(tokenId: string): Promise<Token> {
    return this.#change(async () => {
      const { store } = this.#options;
      const pointer = await store.get<{ hash: string }>(`ti/${tokenId}`);
      const record = pointer && (await store.get<Token>(`t/${pointer.value.hash}`));
      if (pointer === undefined || record === undefined) {
        throw new FbpdError('NOT_FOUND', `there is no token ${JSON.stringify(tokenId.slice(0, 80))}`, { subject: 'token' });
      }
      const key = `t/${pointer.value.hash}`;
      await store.commit({ expect: { [key]: record.version }, ops: [{ del: key }, { del: `ti/${tokenId}` }] });
      this.#cache.forget([pointer.value.hash]);
      this.#audit('token revoked', { account: this.#accounts.get(record.value.accountId)?.value, token: tokenId, name: record.value.name });
      return record.value;
    });
  }

  async #filedTokens(accountId?: string): Promise<FiledToken[]> {
    const tokens: FiledToken[] = [];
    for await (const [key, record] of this.#options.store.range<Token>({ gte: 't/', lt: 't0' })) {
      if (accountId === undefined || record.value.accountId === accountId) tokens.push({ hash: key.slice('t/'.length), record });
    }
    return tokens;
  }

  #filed(accountId: string): Versioned<Account> {
    const record = this.#accounts.get(accountId);
    if (record === undefined) throw noSuchAccount(accountId);
    return record;
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#changing.then(change);
    this.#changing = changed.catch(() => undefined);
    return changed;
  }

  /** One line for every change, so that the log answers who could do what since when. */
  #audit(event: string, { account, ...rest }: { account: Account | undefined } & Record<string, unknown>): void {
    this.#options.log.info({ audit: true, account: account?.name, accountId: account?.id, ...rest }, event);
  }
}

function noSuchAccount(idOrName: string): FbpdError {
  return new FbpdError('NOT_FOUND', `there is no account ${JSON.stringify(idOrName.slice(0, 80))}`, { subject: 'account' });
}

function beingDeleted(account: Account): FbpdError {
  return new FbpdError('CONFLICT', `account ${account.name} is being deleted, which is final`, { subject: 'account' });
}
