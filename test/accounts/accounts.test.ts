import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';

import { COUNTED_TYPES } from '../../daemon/accounts/accounts.ts';
import type { Scope } from '../../daemon/domain/account.ts';
import type { FbpdError } from '../../daemon/domain/errors.ts';
import type { Accounts, Store } from '../../daemon/domain/ports.ts';
import { createTestAccounts, TestClock } from '../fixtures/create-accounts.ts';
import { createTestStore } from '../fixtures/create-store.ts';

const READ: readonly Scope[] = ['pins:read'];

async function setUp(t: ExecutionContext, cachedTokens?: number): Promise<{ store: Store; accounts: Accounts; clock: TestClock }> {
  const store = await createTestStore(t, { countedTypes: [...COUNTED_TYPES] });
  const clock = new TestClock();
  return { store, clock, accounts: await createTestAccounts(store, { clock, ...(cachedTokens === undefined ? {} : { cachedTokens }) }) };
}

async function everythingIn(store: Store): Promise<string> {
  let text = '';
  for await (const [key, record] of store.range<object>({})) text += `${key} ${JSON.stringify(record.value)}\n`;
  return text;
}

test('a new token opens its account, with its scopes', async (t) => {
  const { accounts } = await setUp(t);
  const account = await accounts.add('alice');
  const { token, secret } = await accounts.createToken(account.id, { name: 'laptop', scopes: ['pins:read', 'pins:write', 'pins:read'] });
  const caller = await accounts.authenticate(secret);
  t.deepEqual(caller, { account, token });
  t.deepEqual(token.scopes, ['pins:read', 'pins:write']);
  t.is(token.accountId, account.id);
});

test('only the hash of a secret is at rest', async (t) => {
  const { accounts, store } = await setUp(t);
  const account = await accounts.add('alice');
  const { secret } = await accounts.createToken(account.id, { name: 'laptop', scopes: READ });
  const stored = await everythingIn(store);
  t.false(stored.includes(secret.slice('fbp_'.length)));
  t.true(stored.includes(createHash('sha256').update(secret).digest('hex')));
});

test('an unknown, malformed or absent secret opens nothing', async (t) => {
  const { accounts } = await setUp(t);
  const other = await setUp(t);
  const account = await other.accounts.add('alice');
  const { secret } = await other.accounts.createToken(account.id, { name: 'x', scopes: READ });
  t.is(await accounts.authenticate(secret), undefined);
  t.is(await accounts.authenticate('fbp_1'), undefined);
  t.is(await accounts.authenticate(''), undefined);
});

test('a token stops working in the millisecond it expires, cached or not', async (t) => {
  const { accounts, clock } = await setUp(t);
  const account = await accounts.add('alice');
  const { secret } = await accounts.createToken(account.id, { name: 'x', scopes: READ, expiresMs: clock.nowMs() + 1_000 });
  clock.advance(999);
  t.truthy(await accounts.authenticate(secret));
  clock.advance(1);
  t.is(await accounts.authenticate(secret), undefined);
});

test('a revoked token stops working at once, cached or not', async (t) => {
  const { accounts } = await setUp(t);
  const account = await accounts.add('alice');
  const { token, secret } = await accounts.createToken(account.id, { name: 'x', scopes: READ });
  await accounts.authenticate(secret);
  t.deepEqual(await accounts.revoke(token.id), token);
  t.is(await accounts.authenticate(secret), undefined);
  const error = await t.throwsAsync<FbpdError>(accounts.revoke(token.id));
  t.is(error?.code, 'NOT_FOUND');
});

test('a token revoked while it was being looked up is not remembered', async (t) => {
  const { accounts, store } = await setUp(t);
  const account = await accounts.add('alice');
  const { token, secret } = await accounts.createToken(account.id, { name: 'x', scopes: READ });
  // A second view of the same store, whose reads can be held up.
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let hold = true;
  const slow = Object.create(store) as Store;
  slow.get = async (key) => {
    const record = await store.get(key);
    if (hold && key.startsWith('t/')) {
      hold = false;
      await held;
    }
    return record as never;
  };
  for (const method of ['range', 'commit'] as const) slow[method] = store[method].bind(store) as never;
  const view = await createTestAccounts(slow);
  const looking = view.authenticate(secret);
  await view.revoke(token.id);
  release();
  await looking;
  t.is(await view.authenticate(secret), undefined);
});

test('a suspended account still authenticates, and says that it is suspended', async (t) => {
  const { accounts } = await setUp(t);
  const account = await accounts.add('alice');
  const { secret } = await accounts.createToken(account.id, { name: 'x', scopes: READ });
  await accounts.authenticate(secret);
  await accounts.setState(account.id, 'suspended');
  t.is((await accounts.authenticate(secret))?.account.state, 'suspended');
  await accounts.setState(account.id, 'active');
  t.is((await accounts.authenticate(secret))?.account.state, 'active');
});

test('the cache holds no more than it may, and what it lost is looked up again', async (t) => {
  const { accounts } = await setUp(t, 2);
  const account = await accounts.add('alice');
  const secrets: string[] = [];
  for (let i = 0; i < 5; i++) secrets.push((await accounts.createToken(account.id, { name: `x${i}`, scopes: READ })).secret);
  for (const secret of [...secrets, ...secrets]) t.truthy(await accounts.authenticate(secret));
});

test('a name is taken once, also when two ask at the same time', async (t) => {
  const { accounts } = await setUp(t);
  const results = await Promise.allSettled([accounts.add('alice'), accounts.add('alice')]);
  t.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const error = await t.throwsAsync<FbpdError>(accounts.add('alice'));
  t.is(error?.code, 'CONFLICT');
  t.is((await accounts.list()).length, 1);
});

for (const name of ['', 'Alice', 'a b', 'a/b', 'é', 'x'.repeat(65), '00000000-0000-4000-8000-000000000000']) {
  test(`${JSON.stringify(name)} cannot be an account's name`, async (t) => {
    const { accounts } = await setUp(t);
    const error = await t.throwsAsync<FbpdError>(accounts.add(name));
    t.is(error?.code, 'BAD_REQUEST');
    t.is(error?.subject, 'name');
  });
}

test('a token needs a name, known scopes and an end in the future', async (t) => {
  const { accounts, clock } = await setUp(t);
  const { id } = await accounts.add('alice');
  const bad = [
    { options: { name: '', scopes: READ }, subject: 'name' },
    { options: { name: 'a\nb', scopes: READ }, subject: 'name' },
    { options: { name: 'x', scopes: [] }, subject: 'scopes' },
    { options: { name: 'x', scopes: ['pins:eat' as Scope] }, subject: 'scopes' },
    { options: { name: 'x', scopes: READ, expiresMs: clock.nowMs() }, subject: 'expires' },
  ];
  for (const { options, subject } of bad) {
    const error = await t.throwsAsync<FbpdError>(accounts.createToken(id, options));
    t.is(error?.code, 'BAD_REQUEST');
    t.is(error?.subject, subject);
  }
  t.deepEqual(await accounts.tokens(), []);
});

test('deleting is final, refuses new tokens, and removal takes account, name and tokens', async (t) => {
  const { accounts, store } = await setUp(t);
  const { id } = await accounts.add('alice');
  const bob = await accounts.add('bob');
  const { secret } = await accounts.createToken(id, { name: 'x', scopes: READ });
  const kept = await accounts.createToken(bob.id, { name: 'y', scopes: READ });
  t.is((await t.throwsAsync<FbpdError>(accounts.remove(id)))?.code, 'CONFLICT');
  await accounts.setState(id, 'deleting');
  t.is((await t.throwsAsync<FbpdError>(accounts.setState(id, 'active')))?.code, 'CONFLICT');
  t.is((await t.throwsAsync<FbpdError>(accounts.createToken(id, { name: 'z', scopes: READ })))?.code, 'CONFLICT');
  await accounts.remove(id);
  t.is(await accounts.authenticate(secret), undefined);
  t.truthy(await accounts.authenticate(kept.secret));
  t.is((await t.throwsAsync<FbpdError>(accounts.find('alice')))?.code, 'NOT_FOUND');
  t.deepEqual(store.counts(), { a: 1, t: 1 });
  t.not((await accounts.add('alice')).id, id);
});

test('everything is there again after the store is opened anew', async (t) => {
  const { accounts, store, clock } = await setUp(t);
  const alice = await accounts.add('alice');
  const suspended = await accounts.setState((await accounts.add('bob')).id, 'suspended');
  const { token, secret } = await accounts.createToken(alice.id, { name: 'x', scopes: READ, expiresMs: clock.nowMs() + 5 });
  const again = await createTestAccounts(store, { clock });
  t.deepEqual(await again.list(), [alice, suspended]);
  t.deepEqual(await again.find(alice.id), alice);
  t.deepEqual(await again.tokens(alice.id), [token]);
  t.deepEqual(await again.authenticate(secret), { account: alice, token });
});
