import test from 'ava';

import type { components } from '../../spec/fbpd.ts';
import { createTestAdmin, type TestAdmin } from '../fixtures/create-admin.ts';
import { createCid, createDagPbCid } from '../fixtures/create-cid.ts';
import { ALWAYS, served } from '../fixtures/create-metering.ts';
import { adminOperations } from '../fixtures/fbpd-spec.ts';

type Schemas = components['schemas'];
type Page = { count: number; pins: Schemas['Pin'][] };

async function addPin({ send }: TestAdmin, account: string, text: string, more: object = {}): Promise<Schemas['Pin']> {
  const { status, body } = await send<Schemas['Pin']>('POST', '/admin/pins', { account, cid: createCid(text).toString(), ...more });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body;
}

test('an account is added, listed, found by name and id, and its name is taken then', async (t) => {
  const { send } = await createTestAdmin(t);
  const { status, body: added } = await send<Schemas['Account']>('POST', '/admin/accounts', { name: 'alice' });
  t.is(status, 201);
  t.like(added, { name: 'alice', state: 'active', tokens: 0, created: '2026-01-01T00:00:00.000Z' });
  t.deepEqual((await send('GET', '/admin/accounts')).body, { accounts: [added] });
  for (const key of ['alice', added.id]) t.deepEqual((await send('GET', `/admin/accounts/${key}`)).body, added);
  t.is((await send('POST', '/admin/accounts', { name: 'alice' })).status, 409);
  t.is((await send('GET', '/admin/accounts/bob')).status, 404);
});

test('a token is made, listed without its secret, and revoked', async (t) => {
  const { send, accounts, clock } = await createTestAdmin(t);
  await send('POST', '/admin/accounts', { name: 'alice' });
  const body = { account: 'alice', name: 'laptop', scopes: ['pins:read'], expiresInSeconds: 60 };
  const made = await send<{ token: Schemas['Token']; secret: string }>('POST', '/admin/tokens', body);
  t.is(made.status, 201);
  t.like(made.body.token, { account: 'alice', name: 'laptop', scopes: ['pins:read'], expires: '2026-01-01T00:01:00.000Z', expired: false });
  t.truthy(await accounts.authenticate(made.body.secret));
  clock.advance(60_000);
  const expired = { ...made.body.token, expired: true };
  t.deepEqual((await send('GET', '/admin/tokens?account=alice')).body, { tokens: [expired] });
  t.deepEqual((await send('DELETE', `/admin/tokens/${made.body.token.id}`)).body, expired);
  t.deepEqual((await send('GET', '/admin/tokens')).body, { tokens: [] });
  t.is((await send('DELETE', `/admin/tokens/${made.body.token.id}`)).status, 404);
});

test('a token has a name and both pin scopes unless told otherwise', async (t) => {
  const { send } = await createTestAdmin(t);
  await send('POST', '/admin/accounts', { name: 'alice' });
  const { body } = await send<{ token: Schemas['Token'] }>('POST', '/admin/tokens', { account: 'alice' });
  t.like(body.token, { name: 'default', scopes: ['pins:read', 'pins:write'] });
});

test('suspending holds at once and can be undone', async (t) => {
  const { send, accounts } = await createTestAdmin(t);
  await send('POST', '/admin/accounts', { name: 'alice' });
  t.like((await send('POST', '/admin/accounts/alice/suspend')).body, { state: 'suspended' });
  t.is((await accounts.find('alice')).state, 'suspended');
  t.like((await send('POST', '/admin/accounts/alice/unsuspend')).body, { state: 'active' });
});

test('deleting an account takes its pins and tokens, and leaves those of others', async (t) => {
  const admin = await createTestAdmin(t);
  const { send } = admin;
  for (const name of ['alice', 'bob']) await send('POST', '/admin/accounts', { name });
  await send('POST', '/admin/tokens', { account: 'alice' });
  for (const text of ['1', '2', '3']) await addPin(admin, 'alice', text);
  const kept = await addPin(admin, 'bob', '1');
  t.like((await send('GET', '/admin/accounts/alice')).body, { pins: { queued: 3 }, tokens: 1 });
  t.like((await send('DELETE', '/admin/accounts/alice')).body, { name: 'alice', pins: 3, tokens: 1 });
  t.is((await send('GET', '/admin/accounts/alice')).status, 404);
  t.deepEqual((await send<Page>('GET', '/admin/pins')).body, { count: 1, pins: [kept] });
});

test('what was read of an account is told by day, by source, and by content when that is asked for', async (t) => {
  const { send, usage, accounts, clock } = await createTestAdmin(t);
  const { id } = await accounts.add('alice');
  await usage.note(served({ accountId: id, contentKey: 'a', bytes: 5 }));
  clock.advance(86_400_000);
  await usage.note(served({ accountId: id, contentKey: 'b', source: 'cold', bytes: 7 }));
  await usage.note(served({ accountId: 'public', bytes: 3 }));
  const all = { hotBytes: 5, networkBytes: 0, coldBytes: 7, responses: 2 };
  const { body } = await send<Schemas['AccountUsage']>('GET', '/admin/accounts/alice/usage');
  t.like(body, { account: 'alice', accountId: id, from: '2025-12-04', to: '2026-01-02', served: all, contents: [], contentsWhole: true });
  t.deepEqual(
    body.days.map(({ day, served: { hotBytes, coldBytes } }) => [day, hotBytes, coldBytes]),
    [
      ['2026-01-01', 5, 0],
      ['2026-01-02', 0, 7],
    ],
  );
  const one = await send<Schemas['AccountUsage']>('GET', `/admin/accounts/${id}/usage?from=2026-01-01&to=2026-01-02&contents=1`);
  t.deepEqual(one.body.contents, [{ cid: 'b', served: { hotBytes: 0, networkBytes: 0, coldBytes: 7, responses: 1 } }]);
  t.like((await send('GET', '/admin/accounts/public/usage')).body, { account: 'public', served: { hotBytes: 3 } });
  await send('DELETE', '/admin/accounts/alice');
  t.deepEqual(await usage.usage(id, ALWAYS), []);
});

test('pins of all accounts are listed together, newest first, and page by page', async (t) => {
  const admin = await createTestAdmin(t);
  const { send, clock } = admin;
  for (const name of ['alice', 'bob']) await send('POST', '/admin/accounts', { name });
  const added: Schemas['Pin'][] = [];
  for (let i = 0; i < 7; i++) {
    clock.advance(1_000);
    added.unshift(await addPin(admin, i % 2 === 0 ? 'alice' : 'bob', `${i}`));
  }
  const seen: Schemas['Pin'][] = [];
  for (let before = ''; seen.length < 7; before = `&before=${seen.at(-1)?.created}`) {
    const { body } = await send<Page>('GET', `/admin/pins?limit=3${before}`);
    t.is(body.count, 7 - seen.length);
    seen.push(...body.pins);
  }
  t.deepEqual(seen, added);
});

test('pins are filtered by account, status, name, CID in another spelling, and time', async (t) => {
  const admin = await createTestAdmin(t);
  const { send, clock } = admin;
  for (const name of ['alice', 'bob']) await send('POST', '/admin/accounts', { name });
  const cid = createDagPbCid('x');
  const old = await addPin(admin, 'alice', 'ignored', { cid: cid.toString(), name: 'Holiday photos' });
  clock.advance(1_000);
  const young = await addPin(admin, 'bob', 'y', { name: 'notes' });
  const find = async (query: string) => (await send<Page>('GET', `/admin/pins?${query}`)).body.pins.map(({ requestId }) => requestId);
  t.deepEqual(await find('account=bob'), [young.requestId]);
  t.deepEqual(await find(`cid=${cid.toV0()}`), [old.requestId]);
  t.deepEqual(await find('name=photo&match=ipartial'), [old.requestId]);
  t.deepEqual(await find('name=photo'), []);
  t.deepEqual(await find('status=queued,pinning'), [young.requestId, old.requestId]);
  t.deepEqual(await find('status=pinned'), []);
  t.deepEqual(await find(`before=${young.created}`), [old.requestId]);
  t.deepEqual(await find(`after=${old.created}`), [young.requestId]);
  t.deepEqual(await find(`before=${old.created.replace('000Z', '0005Z')}`), [old.requestId]);
});

test('a pin is shown with its content, its log, and goes when removed', async (t) => {
  const admin = await createTestAdmin(t, {
    fetches: { progress: () => ({ blocks: 3, bytes: 77 }), fetching: () => 1, held: () => undefined },
  });
  const { send } = admin;
  await send('POST', '/admin/accounts', { name: 'alice' });
  const pin = await addPin(admin, 'alice', 'x', { name: 'n', meta: { app: 'y' } });
  const { body } = await send<Schemas['Pin']>('GET', `/admin/pins/${pin.requestId}`);
  t.like(body, {
    name: 'n',
    meta: { app: 'y' },
    account: 'alice',
    content: { hot: 'wanted', pins: 1, progress: { blocks: 3, bytes: 77 } },
  });
  const { body: log } = await send<{ events: Schemas['PinEvent'][] }>('GET', `/admin/pins/${pin.requestId}/log`);
  t.is(log.events[0]?.event, 'accepted');
  t.like((await send('DELETE', `/admin/pins/${pin.requestId}`)).body, { requestId: pin.requestId });
  for (const method of ['GET', 'DELETE']) t.is((await send(method, `/admin/pins/${pin.requestId}`)).status, 404);
  t.is((await send('POST', `/admin/pins/${pin.requestId}/retry`)).status, 404);
});

test('a failed pin is queued anew by a retry', async (t) => {
  const admin = await createTestAdmin(t);
  const { send, pins } = admin;
  await send('POST', '/admin/accounts', { name: 'alice' });
  const pin = await addPin(admin, 'alice', 'x');
  await pins.beginFetch(pin.cid, 'ours');
  await pins.endFetch(pin.cid, { kind: 'failed', reason: { code: 'timeout', text: 'nobody has it' } });
  t.like((await send('GET', `/admin/pins/${pin.requestId}`)).body, {
    status: 'failed',
    reason: { code: 'timeout', text: 'nobody has it' },
  });
  t.like((await send('POST', `/admin/pins/${pin.requestId}/retry`)).body, { status: 'queued' });
});

test('a blocked content fails its pins, is refused, and is allowed again', async (t) => {
  const admin = await createTestAdmin(t);
  const { send } = admin;
  await send('POST', '/admin/accounts', { name: 'alice' });
  const cid = createDagPbCid('bad');
  const pin = await addPin(admin, 'alice', '', { cid: cid.toString() });
  t.deepEqual((await send('PUT', `/admin/blocks/${cid.toV0()}`, { note: 'court order 7' })).body, { cid: cid.toString(), pins: 1 });
  t.like((await send('GET', `/admin/pins/${pin.requestId}`)).body, { status: 'failed' });
  t.is((await send('POST', '/admin/pins', { account: 'alice', cid: cid.toV0().toString() })).status, 451);
  const { body } = await send<{ blocks: Schemas['Block'][] }>('GET', '/admin/blocks');
  t.like(body.blocks[0], { cid: cid.toString(), note: 'court order 7' });
  t.deepEqual((await send('DELETE', `/admin/blocks/${cid}`)).body, { cid: cid.toString() });
  t.deepEqual((await send('GET', '/admin/blocks')).body, { blocks: [] });
  t.is((await send('POST', '/admin/pins', { account: 'alice', cid: cid.toString() })).status, 201);
});

test('the status says how everything is, and leaves out what there is nothing to say of', async (t) => {
  const { send } = await createTestAdmin(t);
  const { body } = await send<Schemas['Status']>('GET', '/admin/status');
  t.like(body, {
    version: '1.2.3',
    pid: process.pid,
    endpoint: 'http://127.0.0.1:5080',
    pins: { queued: 0, pinning: 0, pinned: 0, failed: 0 },
    hot: { up: true, detail: 'kubo 0.43.0', repoBytes: 1_000 },
    disk: { freeBytes: 10, minFreeBytes: 5 },
    reconcilers: ['gc'],
  });
  t.false('held' in body);
  t.false('capacityBytes' in body.hot);
});

test('the status comes also when the hot tier hangs, and says why nothing is fetched', async (t) => {
  const { send } = await createTestAdmin(t, {
    hot: {
      status: () => ({ up: true, detail: 'slow', addresses: [] }),
      usage: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    },
    fetches: { progress: () => undefined, fetching: () => 0, held: () => ({ code: 'gc', text: 'garbage is being collected' }) },
  });
  const { body } = await send<Schemas['Status']>('GET', '/admin/status');
  t.like(body, { hot: { up: true }, held: { code: 'gc', text: 'garbage is being collected' } });
  t.false('repoBytes' in body.hot);
});

test('a check tells how far it is, and at last what is wrong', async (t) => {
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { send } = await createTestAdmin(t, {
    checkStore: async (onProgress) => {
      onProgress(5);
      setTimeout(finish, 700);
      await finished;
      return { records: 9, problems: ['p/1 is damaged'] };
    },
  });
  const { body } = await send<string>('POST', '/admin/check');
  const lines = body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.deepEqual(lines.at(-1), { records: 9, done: true, problems: ['p/1 is damaged'] });
  t.true(lines.slice(0, -1).every((line) => line.done === false));
  t.true(lines.some((line) => line.records === 5));
});

test('a check that breaks off says so as its result', async (t) => {
  const { send } = await createTestAdmin(t, { checkStore: () => Promise.reject(new Error('EIO')) });
  const { body } = await send<string>('POST', '/admin/check');
  t.deepEqual(JSON.parse(body.trim().split('\n').at(-1) ?? ''), { records: 0, done: true, problems: ['the check broke off: EIO'] });
});

test('a reconciler is run by name', async (t) => {
  const { send } = await createTestAdmin(t);
  t.deepEqual((await send('POST', '/admin/reconcile/gc')).body, { due: 1, done: 1, failed: 0, skipped: { busy: 2 } });
});

const BAD: readonly (readonly [method: string, path: string, body: unknown, status: number, details: RegExp])[] = [
  ['POST', '/admin/accounts', {}, 400, /body has no name/],
  ['POST', '/admin/accounts', { name: 5 }, 400, /name must be of type string; got 5/],
  ['POST', '/admin/accounts', { name: 'A' }, 400, /name: "A" cannot be an account's name/],
  ['POST', '/admin/accounts', { name: 'a', colour: 'red' }, 400, /^body has "colour", which is unknown/],
  ['POST', '/admin/accounts', '{"name": ', 400, /body is not JSON/],
  ['POST', '/admin/accounts', undefined, 400, /body is empty/],
  ['POST', '/admin/tokens', { account: 'nobody' }, 404, /no account "nobody"/],
  ['POST', '/admin/tokens', { account: 'a', scopes: ['x'] }, 400, /scopes\[0\] must be one of/],
  ['POST', '/admin/tokens', { account: 'a', scopes: [] }, 400, /scopes must have at least 1/],
  ['POST', '/admin/tokens', { account: 'a', expiresInSeconds: 0 }, 400, /expiresInSeconds must be >= 1; got 0/],
  ['POST', '/admin/pins', { account: 'a', cid: 'x' }, 400, /cid: "x" is not a CID/],
  ['GET', '/admin/pins?limit=0', undefined, 400, /limit must be >= 1; got 0/],
  ['GET', '/admin/pins?limit=x', undefined, 400, /limit must be of type integer; got "x"/],
  ['GET', '/admin/pins?status=gone', undefined, 400, /status\[0\] must be one of/],
  ['GET', '/admin/pins?before=yesterday', undefined, 400, /before must be an RFC 3339 date-time/],
  ['GET', '/admin/pins?account=nobody', undefined, 404, /no account "nobody"/],
  ['GET', '/admin/pins?colour=red', undefined, 400, /^query has "colour", which is unknown/],
  ['GET', '/admin/pins?limit=1&limit=2', undefined, 400, /limit is given more than once/],
  ['GET', '/admin/pins/x', undefined, 404, /no pin "x"/],
  ['PUT', '/admin/blocks/x', {}, 400, /cid: "x" is not a CID/],
  ['GET', '/admin/accounts/nobody/usage', undefined, 404, /no account "nobody"/],
  ['GET', '/admin/accounts/public/usage?contents=1001', undefined, 400, /contents must be <= 1000/],
  ['GET', '/admin/accounts/public/usage?from=yesterday', undefined, 400, /from must match pattern/],
  ['GET', '/admin/accounts/public/usage?to=2026-02-30', undefined, 400, /to must be a day such as 2026-01-31/],
  ['GET', '/admin/accounts/public/usage?from=2026-01-02&to=2026-01-01', undefined, 400, /from is a later day than the last one/],
  ['GET', '/admin/accounts/public/usage?from=2020-01-02', undefined, 400, /from is too early: at most 400 days/],
  ['GET', '/admin/nothing', undefined, 404, /nothing here/],
  ['DELETE', '/admin/accounts', undefined, 405, /allowed: /],
];

for (const [method, path, body, status, details] of BAD) {
  test(`${method} ${path} with ${JSON.stringify(body)} is a ${status} that says why`, async (t) => {
    const { send } = await createTestAdmin(t);
    await send('POST', '/admin/accounts', { name: 'a' });
    const reply = await send<Schemas['Failure']>(method, path, body);
    t.is(reply.status, status);
    t.regex(reply.body.error.details ?? '', details);
  });
}

test('every operation of the specification is there', async (t) => {
  const { send } = await createTestAdmin(t);
  for (const { method, path } of adminOperations()) {
    const { status } = await send(method, path.replaceAll(/\{\w+\}/g, 'x'));
    t.not(status, 405, `${method} ${path}`);
  }
});
