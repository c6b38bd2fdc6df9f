import test from 'ava';
import fc from 'fast-check';

import { SlotIndex } from '../../daemon/plan/slot-index.ts';

const SLOTS = 16;

test('it finds what a map finds, however keys come and go', (t) => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 40 }).map(String), isAdd: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer(), (steps, seed) => {
      const keys: string[] = [];
      const index = new SlotIndex(SLOTS, keys, seed);
      const map = new Map<string, number>();
      const free = Array.from({ length: SLOTS }, (_, slot) => slot);
      for (const { key, isAdd } of steps) {
        const held = map.get(key);
        const slot = isAdd && held === undefined ? free.pop() : undefined;
        if (slot !== undefined) {
          keys[slot] = key;
          index.add(slot);
          map.set(key, slot);
        } else if (!isAdd && held !== undefined) {
          index.delete(key);
          map.delete(key);
          free.push(held);
        }
        for (let other = 0; other <= 40; other += 1) {
          if (index.get(String(other)) !== map.get(String(other))) return false;
        }
      }
      return index.size === map.size;
    }),
  );
  t.pass();
});

test('keys that differ in one character only, wherever it is, are told apart', (t) => {
  const keys = Array.from({ length: 64 }, (_, at) => `${'a'.repeat(at)}b${'a'.repeat(63 - at)}`);
  const index = new SlotIndex(64, keys, 7);
  for (const slot of keys.keys()) index.add(slot);
  t.deepEqual(
    keys.map((key) => index.get(key)),
    [...keys.keys()],
  );
  t.is(index.get('a'.repeat(64)), undefined);
});
