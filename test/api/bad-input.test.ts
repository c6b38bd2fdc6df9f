import test from 'ava';

import { createTestApi } from '../fixtures/create-api.ts';
import { createCid } from '../fixtures/create-cid.ts';

const CID = createCid('one').toString();
const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5';

/** True when the text begins with the field it is about. */
function names(details: string, field: string): boolean {
  return details.startsWith(`${field} `) || details.startsWith(`${field}:`);
}

/** Query, the field that the 400 must name first, and what else it must say. */
const BAD_QUERIES: [query: string, field: string, says: RegExp][] = [
  ['cid=nonsense', 'cid', /nonsense.*not a CID/],
  ['cid=', 'cid', /not a CID/],
  [`cid=${CID},`, 'cid', /not a CID/],
  [`cid=${Array.from({ length: 11 }, (_, i) => createCid(String(i))).join(',')}`, 'cid', /at most 10/],
  [`cid=${CID},${CID}`, 'cid', /twice/],
  ['limit=0', 'limit', />= 1.*got 0/],
  ['limit=1001', 'limit', /<= 1000.*got 1001/],
  ['limit=-1', 'limit', />= 1/],
  ['limit=x', 'limit', /integer.*"x"/],
  ['limit=1.5', 'limit', /integer/],
  ['limit=1e2', 'limit', /integer/],
  ['limit=', 'limit', /integer/],
  ['limit=99999999999999999999', 'limit', /integer/],
  ['limit=5&limit=6', 'limit', /2 times/],
  ['status=nonsense', 'status[0]', /queued, pinning, pinned, failed.*"nonsense"/],
  ['status=queued,Pinned', 'status[1]', /"Pinned"/],
  ['status=', 'status[0]', /queued/],
  ['status=queued,queued', 'status', /twice/],
  ['match=fuzzy', 'match', /exact, iexact, partial, ipartial/],
  [`name=${'n'.repeat(256)}`, 'name', /at most 255/],
  ['name=a&name=b', 'name', /2 times/],
  ['name=%FF', 'name', /UTF-8/],
  ['name=%zz', 'name', /percent/],
  ['%zz=1', 'query', /percent/],
  ['before=yesterday', 'before', /RFC 3339.*"yesterday"/],
  ['before=2020-07-27', 'before', /RFC 3339/],
  ['before=2020-02-30T00:00:00Z', 'before', /RFC 3339/],
  ['before=2020-07-27T17:32:28', 'before', /RFC 3339/],
  ['before=1595871148276', 'before', /RFC 3339/],
  ['before=', 'before', /RFC 3339/],
  ['after=2020-07-27T25:00:00Z', 'after', /RFC 3339/],
  ['after=2020-07-27T17:32:28%2B99:00', 'after', /RFC 3339/],
  ['meta=', 'meta', /JSON object/],
  ['meta=x', 'meta', /JSON object/],
  ['meta=map[app_id:x]', 'meta', /JSON object/],
  ['meta=%7B%22k%22', 'meta', /JSON object/],
  ['meta=[]', 'meta', /object/],
  ['meta=null', 'meta', /object/],
  ['meta=%7B%22k%22:1%7D', 'meta.k', /string.*got 1/],
  ['meta=%7B%22k%22:%7B%7D%7D', 'meta.k', /string.*an object/],
  ['meta[]=x', 'meta', /"meta\[\]"/],
  ['meta[a][b]=x', 'meta', /meta\[a\]\[b\]/],
  ['meta[a=x', 'meta', /meta\[a/],
  ['meta.a=x', 'meta', /meta\.a/],
  ['meta[a]=x&meta[a]=y', 'meta', /2 times/],
  ['meta[a]=x&meta=%7B%7D', 'meta', /one is right/],
];

test('8. a query that is malformed is a 400 that names the field and says what would be right', async (t) => {
  const { user } = await createTestApi(t);
  for (const [query, field, says] of BAD_QUERIES) {
    const { status, json } = await user.call('GET', `/pins?${query}`);
    t.is(status, 400, query);
    t.is(json.error.reason, 'BAD_REQUEST', query);
    t.regex(json.error.details, says, query);
    t.true(names(json.error.details, field), `${query}: ${json.error.details}`);
  }
});

const manyKeys = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`k${i}`, '']));

const BAD_BODIES: [body: unknown, field: string, says: RegExp][] = [
  ['', 'body', /empty/],
  [' ', 'body', /not JSON/],
  ['{"cid":"', 'body', /not JSON/],
  [`{"cid":"${CID}"`, 'body', /not JSON/],
  ['cid=x', 'body', /not JSON/],
  [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), 'body', /UTF-8/],
  ['[]', 'body', /object.*an array/],
  ['null', 'body', /object.*null/],
  ['"x"', 'body', /object/],
  ['['.repeat(60_000), 'body', /not JSON/],
  ['['.repeat(30_000) + ']'.repeat(30_000), 'body', /an array/],
  [{}, 'body', /cid/],
  [{ cid: null }, 'cid', /string/],
  [{ cid: 7 }, 'cid', /string.*got 7/],
  [{ cid: '' }, 'cid', /not a CID/],
  [{ cid: 'nonsense' }, 'cid', /not a CID/],
  [{ cid: `/ipfs/${CID}` }, 'cid', /not a CID/],
  [{ cid: CID.repeat(10) }, 'cid', /not a CID/],
  [{ cid: CID, name: 'n'.repeat(256) }, 'name', /at most 255/],
  [{ cid: CID, name: null }, 'name', /string.*null/],
  [{ cid: CID, name: 5 }, 'name', /string/],
  [`{"cid":"${CID}","name":"\\ud800"}`, 'name', /Unicode/],
  [{ cid: CID, meta: [] }, 'meta', /object/],
  [{ cid: CID, meta: 'x' }, 'meta', /object/],
  [{ cid: CID, meta: { a: 1 } }, 'meta.a', /string.*got 1/],
  [{ cid: CID, meta: { a: null } }, 'meta.a', /string/],
  [{ cid: CID, meta: { a: { b: 'c' } } }, 'meta.a', /string.*an object/],
  [`{"cid":"${CID}","meta":{"__proto__":{"a":"b"}}}`, 'meta.__proto__', /string/],
  [`{"cid":"${CID}","meta":{"\\udc00":"x"}}`, 'meta', /Unicode/],
  [{ cid: CID, meta: manyKeys }, 'meta', /at most 1000/],
  [{ cid: CID, meta: { vendor_policy: 'gold' } }, 'meta.vendor_policy', /"default".*"gold"/],
  [{ cid: CID, origins: 'x' }, 'origins', /array/],
  [{ cid: CID, origins: [7] }, 'origins[0]', /string/],
  [{ cid: CID, origins: ['nonsense'] }, 'origins', /nonsense.*multiaddr/],
  [{ cid: CID, origins: ['/ip4/8.8.8.8/tcp/4001'] }, 'origins', /\/p2p\//],
  [{ cid: CID, origins: [`/ip4/999.8.8.8/tcp/4001/p2p/${PEER}`] }, 'origins', /multiaddr/],
  [{ cid: CID, origins: [`/ip4/8.8.8.8/tcp/4001/p2p/${PEER}`, `/ip4/8.8.8.8/tcp/4001/p2p/${PEER}`] }, 'origins', /twice/],
  [{ cid: CID, origins: Array.from({ length: 129 }, (_, i) => `/ip4/8.8.8.8/tcp/${i + 1}/p2p/${PEER}`) }, 'origins', /at most 20/],
  [{ cid: CID, origins: [...Array.from({ length: 20 }, (_, i) => `/ip4/8.8.8.8/tcp/${i + 1}/p2p/${PEER}`), 5] }, 'origins', /strings/],
];

test('a body that is malformed is a 400 that names the field, for adding and for replacing', async (t) => {
  const { user } = await createTestApi(t);
  const { requestid } = (await user.call('POST', '/pins', { body: { cid: CID } })).json;
  for (const [body, field, says] of BAD_BODIES) {
    for (const path of ['/pins', `/pins/${requestid}`]) {
      const { status, json } = await user.call('POST', path, { body });
      const about = JSON.stringify(body).slice(0, 100);
      t.is(status, 400, about);
      t.is(json.error.reason, 'BAD_REQUEST', about);
      t.regex(json.error.details, says, about);
      t.true(names(json.error.details, field), `${about}: ${json.error.details}`);
    }
  }
  t.is((await user.call('GET', '/pins?status=queued')).json.count, 1, 'nothing was added');
});

test('a body of more than 64 KiB is a 413, one of exactly that is read', async (t) => {
  const { user } = await createTestApi(t);
  const pad = (sizeBytes: number) => {
    const head = `{"cid":"${CID}","colour":"`;
    return `${head}${'x'.repeat(sizeBytes - head.length - 2)}"}`;
  };
  t.is((await user.call('POST', '/pins', { body: pad(65_536), lenient: true })).status, 202);
  for (const sizeBytes of [65_537, 1_000_000, 12_000_000]) {
    const reply = await user.call('POST', '/pins', { body: pad(sizeBytes) });
    t.is(reply.status, 413, String(sizeBytes));
    t.is(reply.json.error.reason, 'PAYLOAD_TOO_LARGE');
    t.regex(reply.json.error.details, /65536/);
  }
});

test('a Content-Type other than JSON in UTF-8 is a 415 that says what came', async (t) => {
  const { user } = await createTestApi(t);
  const body = JSON.stringify({ cid: CID });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'application/json; charset=utf-16', 'json']) {
    const reply = await user.call('POST', '/pins', { body, headers: { 'Content-Type': type } });
    t.is(reply.status, 415, type);
    t.is(reply.json.error.reason, 'UNSUPPORTED_MEDIA_TYPE');
    t.true(reply.json.error.details.startsWith('Content-Type'), reply.json.error.details);
  }
  const zipped = await user.call('POST', '/pins', { body, headers: { 'Content-Encoding': 'gzip' } });
  t.is(zipped.status, 415);
});

test('JSON is taken with a charset, in any letter case, and without a Content-Type', async (t) => {
  const { user } = await createTestApi(t);
  const body = JSON.stringify({ cid: CID });
  for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/json;']) {
    t.is((await user.call('POST', '/pins', { body, headers: { 'Content-Type': type } })).status, 202, type);
  }
  const bytes = new Blob([body]);
  t.is(bytes.type, '');
  const bare = await user.call('POST', '/pins', {
    body: new TextEncoder().encode(`\uFEFF${body}`),
    headers: { 'Content-Type': '' },
    lenient: true,
  });
  t.is(bare.status, 202);
});
