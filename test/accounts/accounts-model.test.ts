import { fc, testProp } from '@fast-check/ava';

import { COUNTED_TYPES } from '../../daemon/accounts/accounts.ts';
import type { Account } from '../../daemon/domain/account.ts';
import { createTestAccounts, TestClock } from '../fixtures/create-accounts.ts';
import { createTestStore } from '../fixtures/create-store.ts';

type Step =
  | { do: 'add' | 'suspend' | 'activate' | 'delete'; name: string }
  | { do: 'token'; name: string; livesMs: number | undefined }
  | { do: 'revoke'; token: number }
  | { do: 'wait'; ms: number }
  | { do: 'reopen' };

const name = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('add' as const, 'suspend' as const, 'activate' as const, 'delete' as const), name }),
  fc.record({ do: fc.constant('token' as const), name, livesMs: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }) }),
  fc.record({ do: fc.constant('revoke' as const), token: fc.nat(10) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }),
  fc.record({ do: fc.constant('reopen' as const) }),
);

interface ModelToken {
  id: string;
  secret: string;
  owner: string;
  expiresMs: number;
  revoked: boolean;
}

testProp(
  'whatever was done, exactly the tokens that should open something do',
  [fc.array(step, { minLength: 1, maxLength: 40 })],
  async (t, steps) => {
    const store = await createTestStore(t, { countedTypes: [...COUNTED_TYPES] });
    const clock = new TestClock();
    let accounts = await createTestAccounts(store, { clock, cachedTokens: 3 });
    const living = new Map<string, Account>();
    const tokens: ModelToken[] = [];

    const apply: { [D in Step['do']]: (step: Extract<Step, { do: D }>) => Promise<void> } = {
      add: async ({ name }) => {
        if (living.has(name)) await t.throwsAsync(accounts.add(name));
        else living.set(name, await accounts.add(name));
      },
      suspend: async ({ name }) => setState(name, 'suspended'),
      activate: async ({ name }) => setState(name, 'active'),
      delete: async ({ name }) => {
        const account = living.get(name);
        if (account === undefined) return;
        await accounts.setState(account.id, 'deleting');
        await accounts.remove(account.id);
        living.delete(name);
      },
      token: async ({ name, livesMs }) => {
        const account = living.get(name);
        if (account === undefined) return;
        const expiresMs = livesMs === undefined ? Number.POSITIVE_INFINITY : clock.nowMs() + livesMs;
        const options = { name: 'x', scopes: ['pins:read'] as const };
        const made = await accounts.createToken(account.id, livesMs === undefined ? options : { ...options, expiresMs });
        tokens.push({ id: made.token.id, secret: made.secret, owner: account.id, expiresMs, revoked: false });
      },
      revoke: async ({ token: index }) => {
        const token = tokens[index];
        if (token === undefined) return;
        const gone = token.revoked || ![...living.values()].some(({ id }) => id === token.owner);
        if (gone) await t.throwsAsync(accounts.revoke(token.id));
        else await accounts.revoke(token.id);
        token.revoked = true;
      },
      wait: async ({ ms }) => clock.advance(ms),
      reopen: async () => {
        accounts = await createTestAccounts(store, { clock, cachedTokens: 3 });
      },
    };
    const setState = async (name: string, state: 'suspended' | 'active'): Promise<void> => {
      const account = living.get(name);
      if (account !== undefined) living.set(name, await accounts.setState(account.id, state));
    };

    for (const next of steps) {
      await apply[next.do](next as never);
      for (const token of tokens) {
        const owner = [...living.values()].find(({ id }) => id === token.owner);
        const opens = owner !== undefined && !token.revoked && token.expiresMs > clock.nowMs();
        t.deepEqual((await accounts.authenticate(token.secret))?.account, opens ? owner : undefined);
      }
      t.deepEqual(
        await accounts.list(),
        [...living.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      );
    }
    await store.close();
  },
  { numRuns: 30 },
);
