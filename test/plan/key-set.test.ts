import { createHash } from 'node:crypto';
import test from 'ava';
import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import { create } from 'multiformats/hashes/digest';
import { contentKeyOf } from '../../daemon/domain/cid.ts';
import { KeySet } from '../../daemon/plan/key-set.ts';

function keys(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    contentKeyOf(CID.createV1(raw.code, create(0x12, createHash('sha256').update(`${prefix}${index}`).digest()))),
  );
}

test('finds every key it was given and none of as many others', (t) => {
  const set = new KeySet();
  const inside = keys('in', 5_000);
  for (const key of inside) set.add(key);
  set.seal();
  t.true(inside.every((key) => set.has(key)));
  t.false(keys('out', 5_000).some((key) => set.has(key)));
});

test('an empty set has nothing', (t) => {
  const set = new KeySet();
  set.seal();
  t.false(set.has(keys('x', 1)[0] ?? ''));
});
