import test from 'ava';

import { type CallOptions, createTestApi, type TestUser } from '../fixtures/create-api.ts';
import { createCid } from '../fixtures/create-cid.ts';

const CID = createCid('one').toString();

async function names(user: TestUser, query: string, options?: CallOptions): Promise<string[]> {
  const { json } = await user.call('GET', `/pins?${query}`, options);
  const found: string[] = json.results.map(({ pin }: { pin: { name: string } }) => pin.name);
  return found.sort();
}

async function addNamed(user: TestUser, given: readonly string[]): Promise<void> {
  for (const name of given) await user.call('POST', '/pins', { body: { cid: CID, name } });
}

test('8. cid takes up to ten, comma separated, plain or %2C, and also repeated', async (t) => {
  const { user } = await createTestApi(t);
  const cids = Array.from({ length: 12 }, (_, i) => createCid(`c${i}`).toString());
  for (const cid of cids) await user.call('POST', '/pins', { body: { cid } });
  const countOf = async (query: string, options?: CallOptions) => (await user.call('GET', `/pins?${query}`, options)).json.count;
  t.is(await countOf(`cid=${cids.slice(0, 10).join(',')}`), 10);
  t.is(await countOf(`cid=${cids.slice(0, 3).join('%2C')}`), 3);
  t.is(await countOf(`cid=${cids[0]}&cid=${cids[1]}`, { lenient: true }), 2);
  t.is(await countOf(`cid=${createCid('nobody has it')}`), 0);
});

test('8. status takes several, comma separated, plain or %2C', async (t) => {
  const { user } = await createTestApi(t);
  await addNamed(user, ['a']);
  t.deepEqual(await names(user, 'status=queued,pinned'), ['a']);
  t.deepEqual(await names(user, 'status=failed%2Cqueued%2Cpinning'), ['a']);
  t.deepEqual(await names(user, 'status=failed,pinning'), []);
});

test('8. match is exact unless it says iexact, partial or ipartial', async (t) => {
  const { user } = await createTestApi(t);
  await addNamed(user, ['Report', 'report', 'Report 2', 'REPORTS']);
  t.deepEqual(await names(user, 'name=Report'), ['Report']);
  t.deepEqual(await names(user, 'name=Report&match=exact'), ['Report']);
  t.deepEqual(await names(user, 'name=Report&match=iexact'), ['Report', 'report']);
  t.deepEqual(await names(user, 'name=Report&match=partial'), ['Report', 'Report 2']);
  t.deepEqual(await names(user, 'name=Report&match=ipartial'), ['REPORTS', 'Report', 'Report 2', 'report']);
});

test('8. a name is what was sent: spaces, plus signs, commas, percent signs and other scripts', async (t) => {
  const { user } = await createTestApi(t);
  const given = ['a b', 'a+b', 'a,b', '100%', 'Ωmega', '🎈', ' '];
  await addNamed(user, given);
  for (const name of given) t.deepEqual(await names(user, `name=${encodeURIComponent(name)}`), [name]);
  t.deepEqual(await names(user, 'name=a+b'), ['a b'], 'a plus sign that is not escaped is a space');
});

test('8. a name may have 255 characters, whatever their bytes', async (t) => {
  const { user } = await createTestApi(t);
  const name = '🎈'.repeat(255);
  t.is((await user.call('POST', '/pins', { body: { cid: CID, name } })).json.pin.name, name);
  t.deepEqual(await names(user, `name=${encodeURIComponent(name)}`), [name]);
  const tooLong = await user.call('POST', '/pins', { body: { cid: CID, name: `${name}x` } });
  t.is(tooLong.status, 400);
});

test('8. meta filters by all the pairs given, as JSON and in brackets', async (t) => {
  const { user } = await createTestApi(t);
  await user.call('POST', '/pins', { body: { cid: CID, name: 'both', meta: { app_id: 'x', 'k,&=': '1 2' } } });
  await user.call('POST', '/pins', { body: { cid: CID, name: 'one', meta: { app_id: 'x' } } });
  await user.call('POST', '/pins', { body: { cid: CID, name: 'none' } });
  const json = (meta: object) => `meta=${encodeURIComponent(JSON.stringify(meta))}`;
  t.deepEqual(await names(user, json({ app_id: 'x' })), ['both', 'one']);
  t.deepEqual(await names(user, json({ app_id: 'x', 'k,&=': '1 2' })), ['both']);
  t.deepEqual(await names(user, json({ app_id: 'X' })), []);
  t.deepEqual(await names(user, 'meta[app_id]=x'), ['both', 'one']);
  t.deepEqual(await names(user, 'meta%5Bapp_id%5D=x&meta%5Bk%2C%26%3D%5D=1+2'), ['both']);
  t.deepEqual(await names(user, `${json({})}&status=queued`), ['both', 'none', 'one'], 'no pairs, no filter');
});

test('filters combine with AND', async (t) => {
  const { user } = await createTestApi(t);
  const other = createCid('two').toString();
  for (const [cid, name, k] of [
    [CID, 'a', '1'],
    [CID, 'b', '1'],
    [other, 'a', '1'],
    [CID, 'a', '2'],
  ] as const) {
    await user.call('POST', '/pins', { body: { cid, name, meta: { k } } });
  }
  const { json } = await user.call('GET', `/pins?cid=${CID}&name=a&meta[k]=1&status=queued&after=2000-01-01T00:00:00Z`);
  t.is(json.count, 1);
  t.deepEqual(json.results[0].pin, { cid: CID, name: 'a', meta: { k: '1' } });
});

test('parameters that the specification does not know are ignored', async (t) => {
  const { user } = await createTestApi(t);
  await addNamed(user, ['a']);
  t.deepEqual(await names(user, 'status=queued&_=1699999999&utm_source=x&metadata=1&'), ['a']);
});

test('cursors are understood however RFC 3339 lets them be written', async (t) => {
  const { user } = await createTestApi(t);
  await addNamed(user, ['a']);
  for (const future of ['2100-01-01T00:00:00Z', '2100-01-01T00:00:00.5Z', '2100-01-01t00:00:00z', '2100-01-01T02:00:00%2B02:00']) {
    t.deepEqual(await names(user, `status=queued&before=${future}`), ['a'], future);
    t.deepEqual(await names(user, `status=queued&after=${future}`), [], future);
  }
  t.deepEqual(await names(user, 'status=queued&before=2100-01-01T02:00:00+02:00', { lenient: true }), ['a'], 'a + that nobody escaped');
});
