import test from 'ava';

import { createKeyedHash, Hash64Map, openKeyedHash } from '../../daemon/store/pins/keyed-hash.ts';
import { createTestStore } from '../fixtures/create-store.ts';

test('hashes depend on the secret, the kind, and where key and value part', (t) => {
  const one = createKeyedHash(Buffer.alloc(32, 1));
  const other = createKeyedHash(Buffer.alloc(32, 2));
  t.deepEqual(one.content('k'), one.content('k'));
  t.notDeepEqual(one.content('k'), other.content('k'));
  t.notDeepEqual(one.metaPair('ab', 'c'), one.metaPair('a', 'bc'));
  t.notDeepEqual(one.content('["a","b"]'), one.metaPair('a', 'b'));
});

test('a store keeps its secret', async (t) => {
  const store = await createTestStore(t);
  const first = await openKeyedHash(store);
  t.deepEqual((await openKeyedHash(store)).content('k'), first.content('k'));
});

test('the hash map finds what was put, among many that fall on the same slots', (t) => {
  const map = new Hash64Map();
  for (let number = 0; number < 5_000; number++) map.set(number, number & 0xff, number % 200);
  t.is(map.size, 5_000);
  map.set(7, 7, 99);
  t.is(map.size, 5_000);
  t.is(map.get(7, 7), 99);
  for (let number = 8; number < 5_000; number++) t.is(map.get(number, number & 0xff), number % 200);
  t.is(map.get(5_000, 5_000 & 0xff), undefined);
});
