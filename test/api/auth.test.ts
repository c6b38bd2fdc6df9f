import test from 'ava';

import { TestClock } from '../fixtures/create-accounts.ts';
import { call, createTestApi } from '../fixtures/create-api.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { openSocket, parseReply, readAll } from '../fixtures/raw-http.ts';

const CID = createCid('one').toString();

test('the scheme is taken in any letter case, and more than one space after it', async (t) => {
  const { url, user } = await createTestApi(t);
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) {
    t.is((await call(t, url, 'GET', '/pins', { headers: { Authorization: `${scheme} ${user.secret}` } })).status, 200, scheme);
  }
});

test('12. a token without the scope is a 403 INSUFFICIENT_SCOPE that names it', async (t) => {
  const { addUser } = await createTestApi(t);
  const reader = await addUser('reader', ['pins:read']);
  const writer = await addUser('writer', ['pins:write']);
  t.is((await reader.call('GET', '/pins')).status, 200);
  const refused = await reader.call('POST', '/pins', { body: { cid: CID } });
  t.is(refused.status, 403);
  t.is(refused.json.error.reason, 'INSUFFICIENT_SCOPE');
  t.regex(refused.json.error.details, /pins:write/);
  t.regex(refused.headers.get('www-authenticate') ?? '', /insufficient_scope.*pins:write/);
  const { requestid } = (await writer.call('POST', '/pins', { body: { cid: CID } })).json;
  t.is((await writer.call('GET', '/pins')).status, 403);
  t.is((await writer.call('GET', `/pins/${requestid}`)).status, 403);
  t.is((await reader.call('POST', `/pins/${requestid}`, { body: { cid: CID } })).status, 403);
  t.is((await reader.call('DELETE', `/pins/${requestid}`)).status, 403);
});

test('a revoked and an expired token are a 401 from then on', async (t) => {
  const clock = new TestClock();
  const { url, accounts, user } = await createTestApi(t, { clock });
  const get = (secret: string) => call(t, url, 'GET', '/pins', { headers: { Authorization: `Bearer ${secret}` } });
  const { token, secret } = await accounts.createToken(user.account.id, {
    name: 'short',
    scopes: ['pins:read'],
    expiresMs: clock.nowMs() + 1000,
  });
  t.is((await get(secret)).status, 200);
  clock.advance(1000);
  t.is((await get(secret)).status, 401);
  t.is((await get(user.secret)).status, 200);
  for (const one of await accounts.tokens(user.account.id)) if (one.id !== token.id) await accounts.revoke(one.id);
  t.is((await get(user.secret)).status, 401);
});

test('a suspended account is a 403 on every route until it is active again', async (t) => {
  const { accounts, user } = await createTestApi(t);
  await accounts.setState(user.account.id, 'suspended');
  for (const [method, path, body] of [
    ['GET', '/pins'],
    ['POST', '/pins', { cid: CID }],
    ['DELETE', '/pins/x'],
    ['GET', '/nothing'],
  ] as const) {
    const refused = await user.call(method, path, { body });
    t.is(refused.status, 403);
    t.is(refused.json.error.reason, 'ACCOUNT_SUSPENDED');
  }
  await accounts.setState(user.account.id, 'active');
  t.is((await user.call('GET', '/pins')).status, 200);
  await accounts.setState(user.account.id, 'deleting');
  t.is((await user.call('GET', '/pins')).status, 403);
});

test('a body that arrives when its account is gone or suspended leaves no pin', async (t) => {
  for (const [state, status] of [
    ['suspended', 403],
    ['gone', 401],
  ] as const) {
    const { url, accounts, pins, user } = await createTestApi(t);
    const known = Promise.withResolvers<void>();
    const authenticate = accounts.authenticate.bind(accounts);
    accounts.authenticate = (secret) => authenticate(secret).finally(known.resolve);
    const body = JSON.stringify({ cid: CID });
    const socket = openSocket(url);
    socket.write(
      `POST /pins HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.secret}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await known.promise;
    await accounts.setState(user.account.id, state === 'gone' ? 'deleting' : state);
    if (state === 'gone') await accounts.remove(user.account.id);
    socket.write(body);
    t.is(parseReply(await readAll(socket)).status, status, state);
    t.is(pins.totals().queued, 0);
  }
});

test('strangers do not learn which routes there are', async (t) => {
  const { url } = await createTestApi(t);
  t.is((await call(t, url, 'GET', '/nothing')).status, 401);
  t.is((await call(t, url, 'PUT', '/pins')).status, 401);
});

test('refused tokens of one address become 429 with Retry-After; good ones of it still work', async (t) => {
  const clock = new TestClock();
  const { url, user } = await createTestApi(t, { clock, limits: { badTokensPerMinute: 6 } });
  const bad = () => call(t, url, 'GET', '/pins', { headers: { Authorization: 'Bearer nonsense' } });
  for (let i = 0; i < 6; i++) t.is((await bad()).status, 401);
  const refused = await bad();
  t.is(refused.status, 429);
  t.is(refused.json.error.reason, 'TOO_MANY_REQUESTS');
  t.is(refused.headers.get('retry-after'), '10');
  t.is((await user.call('GET', '/pins')).status, 200);
  clock.advance(10_000);
  t.is((await bad()).status, 401);
});

test("an account that asks too often gets 429 with Retry-After, over all its tokens; others don't notice", async (t) => {
  const clock = new TestClock();
  const { url, accounts, user, addUser } = await createTestApi(t, { clock, limits: { requestsPerSecond: 1 } });
  const other = await addUser('other');
  const { secret } = await accounts.createToken(user.account.id, { name: 'second', scopes: ['pins:read'] });
  for (let i = 0; i < 10; i++) t.is((await user.call('GET', '/pins')).status, 200);
  const refused = await call(t, url, 'GET', '/pins', { headers: { Authorization: `Bearer ${secret}` } });
  t.is(refused.status, 429);
  t.is(refused.headers.get('retry-after'), '1');
  t.is((await other.call('GET', '/pins')).status, 200);
  clock.advance(1000);
  t.is((await user.call('GET', '/pins')).status, 200);
});
