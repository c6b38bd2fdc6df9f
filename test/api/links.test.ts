import { randomBytes } from 'node:crypto';

import { fc, testProp } from '@fast-check/ava';
import test from 'ava';

import { createLinkSigner, type LinkClaim } from '../../api/links.ts';
import { openLinkSecret } from '../../daemon/store/link-secret.ts';
import { createTestAdmin } from '../fixtures/create-admin.ts';
import { createTestApi, GATEWAY_URL } from '../fixtures/create-api.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { createTestStore } from '../fixtures/create-store.ts';

const KEY = createContentKey(1);

const claims: fc.Arbitrary<LinkClaim> = fc.record({
  accountId: fc.constantFrom('a', 'b', 'a1'),
  contentKey: fc.constantFrom('x', '1x', 'y'),
  expiresSeconds: fc.constantFrom(1, 11, 21),
});

testProp('a signature fits its own claim and no other', [claims, claims], (t, one, other) => {
  const signer = createLinkSigner(Buffer.alloc(32, 1));
  const isSame = JSON.stringify(one) === JSON.stringify(other);
  t.is(signer.verify(other, signer.sign(one)), isSame);
  t.false(createLinkSigner(Buffer.alloc(32, 2)).verify(one, signer.sign(one)), 'nor that of another store');
});

testProp('no text is a signature by chance', [fc.string()], (t, text) => {
  const signer = createLinkSigner(randomBytes(32));
  t.false(signer.verify({ accountId: 'a', contentKey: 'x', expiresSeconds: 1 }, text));
});

test('the secret of links is made once', async (t) => {
  const store = await createTestStore(t);
  const secret = await openLinkSecret(store);
  t.is(secret.length, 32);
  t.deepEqual(Buffer.from(await openLinkSecret(store)), Buffer.from(secret));
});

test('a link is to what the account pins, for a day unless asked otherwise', async (t) => {
  const { user, pins } = await createTestApi(t);
  await pins.add(user.account.id, createPinRequest(1));
  const { status, json } = await user.call('POST', '/v1/links', { body: { cid: KEY, path: '/a b/c.txt', expiresInSeconds: 60 } });
  t.is(status, 201);
  const url = new URL(json.url);
  t.is(url.origin, GATEWAY_URL);
  t.is(url.pathname, `/ipfs/${KEY}/a%20b/c.txt`);
  t.is(url.searchParams.get('account'), user.account.id);
  t.is(new Date(Number(url.searchParams.get('expires')) * 1000).toISOString(), json.expires);
  const day = await user.call('POST', '/v1/links', { body: { cid: KEY } });
  t.true(Date.parse(day.json.expires) - Date.parse(json.expires) >= 86_339_000);
});

test('links are refused to what is not pinned or blocked, for longer than 30 days, and with a path that leads elsewhere', async (t) => {
  const { user, addUser, pins } = await createTestApi(t);
  const bob = await addUser('bob');
  await pins.add(bob.account.id, createPinRequest(1));
  const post = async (body: unknown) => {
    const { status, json } = await user.call('POST', '/v1/links', { body });
    return `${status} ${json.error?.reason}`;
  };
  t.is(await post({ cid: KEY }), '404 NOT_FOUND');
  await pins.add(user.account.id, createPinRequest(1));
  t.is(await post({ cid: 'zzz' }), '400 BAD_REQUEST');
  t.is(await post({ cid: KEY, expiresInSeconds: 30 * 86_400 + 1 }), '400 BAD_REQUEST');
  t.is(await post({ cid: KEY, expiresInSeconds: 0 }), '400 BAD_REQUEST');
  t.is(await post({ cid: KEY, path: '../x' }), '400 BAD_REQUEST');
  t.is(await post({ cid: KEY, x: 1 }), '400 BAD_REQUEST');
  t.is(await post([]), '400 BAD_REQUEST');
  await pins.block(KEY, 'asked to');
  t.is(await post({ cid: KEY }), '451 CID_BLOCKED');
  const writer = await addUser('writer', ['pins:write']);
  t.is((await writer.call('POST', '/v1/links', { body: { cid: KEY } })).status, 403);
});

test('the operator makes links for any account that is active', async (t) => {
  const { send, pins, accounts } = await createTestAdmin(t);
  const alice = await accounts.add('alice');
  await pins.add(alice.id, createPinRequest(1));
  const made = await send<{ url: string }>('POST', '/admin/links', { account: 'alice', cid: KEY, path: 'x' });
  t.is(made.status, 201);
  t.true(made.body.url.startsWith(`http://127.0.0.1:5081/ipfs/${KEY}/x?expires=`));
  t.is((await send('POST', '/admin/links', { account: 'nobody', cid: KEY })).status, 404);
  await accounts.setState(alice.id, 'suspended');
  t.is((await send('POST', '/admin/links', { account: 'alice', cid: KEY })).status, 409);
});

test('no account can be named as what is served to everybody is counted on', async (t) => {
  const { send } = await createTestAdmin(t);
  t.is((await send('POST', '/admin/accounts', { name: 'public' })).status, 400);
});
