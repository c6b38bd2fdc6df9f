import { encode as encodeCbor } from '@ipld/dag-cbor';
import test from 'ava';
import fc from 'fast-check';
import { CID } from 'multiformats/cid';

import { createCidSet } from '../../../daemon/cold/pieces/cid-set.ts';
import { LinksError, linksOf } from '../../../daemon/cold/pieces/links.ts';
import { cidOf, DAG_CBOR, DAG_PB, dagPbNode, identityCid, RAW } from '../../hot/blocks.ts';

const DAG_JSON = 0x0129;

const a = await cidOf(Buffer.from('a'), RAW);
const b = await cidOf(Buffer.from('b'), DAG_PB);
const old = CID.createV0(b.multihash as never);

function links(codec: number, block: Uint8Array): string[] {
  return linksOf(codec, block).map((bytes) => CID.decode(bytes).toString());
}

test('links come in the order of the bytes, repeats and all', (t) => {
  t.deepEqual(links(DAG_PB, dagPbNode([{ cid: b }, { cid: a }, { cid: old }, { cid: b }])), [b, a, old, b].map(String));
  t.deepEqual(links(DAG_CBOR, encodeCbor([b, { x: [a] }, old, b])), [b, a, old, b].map(String));
  t.deepEqual(links(DAG_JSON, Buffer.from(`[{"/":"${b}"}, {"x":{ "/" : "${a}" }},{"/":"${old}"}]`)), [b, a, old].map(String));
});

test('keys that look like numbers stay where they are', (t) => {
  const key = (text: string): number[] => [0x60 | text.length, ...Buffer.from(text)];
  const link = (cid: CID): number[] => [...encodeCbor(cid)];
  t.deepEqual(links(DAG_CBOR, Uint8Array.from([0xa2, ...key('x'), ...link(a), ...key('1'), ...link(b)])), [a, b].map(String));
  t.deepEqual(links(DAG_JSON, Buffer.from(`{"x":{"/":"${a}"},"1":{"/":"${b}"}}`)), [a, b].map(String));
});

test('what only looks like a link is none', (t) => {
  const text = `{"/":"${a}"}`;
  t.deepEqual(
    links(
      DAG_JSON,
      Buffer.from(JSON.stringify({ text, list: ['{', '/', `${a}`, '}'], '/': { bytes: 'AAAA' }, more: { '/': `${a}`, x: 1 } })),
    ),
    [],
  );
  t.deepEqual(links(DAG_CBOR, encodeCbor({ bytes: encodeCbor(a), text, big: 2n ** 63n, float: 1.5, none: null })), []);
  t.deepEqual(links(RAW, encodeCbor(a)), []);
});

test('dag-pb with its data before its links, and fields of later versions, is read', (t) => {
  const node = Buffer.concat([Buffer.from([0x0a, 2, 8, 2]), dagPbNode([{ cid: a }]), Buffer.from([0x18, 0xff, 0x01])]);
  t.deepEqual(links(DAG_PB, node), [a.toString()]);
  t.deepEqual(links(DAG_PB, new Uint8Array()), []);
});

test('lists and maps lie within each other as deep as kubo reads them, and no deeper', (t) => {
  const repeated = (bytes: readonly number[], times: number): Buffer =>
    Buffer.concat(Array.from({ length: times }, () => Buffer.from(bytes)));
  const lists = (depth: number): Buffer => Buffer.concat([repeated([0x81], depth), encodeCbor(a)]);
  const maps = (depth: number): Buffer => Buffer.concat([repeated([0xa1, 0x61, 0x78], depth), encodeCbor(a)]);
  const json = (depth: number): Buffer => Buffer.from(`${'['.repeat(depth - 1)}{"/":"${a}"}${']'.repeat(depth - 1)}`);
  const atMost = [
    [DAG_CBOR, lists],
    [DAG_CBOR, maps],
    [DAG_JSON, json],
  ] as const;
  for (const [codec, nested] of atMost) {
    t.deepEqual(links(codec, nested(1_024)), [a.toString()]);
    for (const depth of [1_025, 100_000]) t.throws(() => linksOf(codec, nested(depth)), { instanceOf: LinksError, message: /1024/ });
  }
  // What lies beside each other, or within a text, is not nested.
  t.deepEqual(links(DAG_CBOR, encodeCbor(Array.from({ length: 3_000 }, () => [[a]]))).length, 3_000);
  t.deepEqual(links(DAG_JSON, Buffer.from(JSON.stringify([...Array.from({ length: 3_000 }, () => [{}]), `"\\${'['.repeat(3_000)}`]))), []);
});

test('bytes of any kind are read to their end or refused', (t) => {
  const codecs = fc.constantFrom(DAG_PB, DAG_CBOR, DAG_JSON, RAW, 0x78);
  fc.assert(
    fc.property(codecs, fc.uint8Array({ maxLength: 200 }), (codec, bytes) => {
      try {
        linksOf(codec, bytes);
      } catch (error) {
        if (!(error instanceof LinksError)) throw error;
      }
    }),
    { numRuns: 3_000 },
  );
  t.pass();
});

test('a block cut anywhere inside a link is refused', (t) => {
  for (const [codec, block] of [
    [DAG_PB, dagPbNode([{ cid: a }])],
    [DAG_CBOR, encodeCbor(a)],
  ] as const)
    for (let length = 1; length < block.length; length++)
      t.throws(() => linksOf(codec, block.subarray(0, length)), { instanceOf: LinksError }, `${codec} ${length}`);
});

test('a set of CIDs knows each, as many as there are, and tells those apart that begin alike', async (t) => {
  const set = createCidSet();
  const cids = Array.from({ length: 20_000 }, (_, i) => identityCid(Buffer.from(`${'x'.repeat(60)}${i}`)).bytes);
  for (const cid of cids) if (!set.add(cid)) t.fail();
  for (const cid of cids) if (!set.has(cid) || set.add(cid)) t.fail();
  t.false(set.has(a.bytes));
});
