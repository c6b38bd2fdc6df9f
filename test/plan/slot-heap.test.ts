import test from 'ava';
import fc from 'fast-check';

import { ascending, SlotHeap } from '../../daemon/plan/slot-heap.ts';

test('the least is on top, whatever comes, goes and changes', (t) => {
  const step = fc.record({
    slot: fc.integer({ min: 0, max: 15 }),
    value: fc.integer({ min: 0, max: 9 }),
    kind: fc.constantFrom('put', 'take'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const values = new Array<number>(16).fill(0);
      const heap = new SlotHeap(16, (a, b) => (values[a] ?? 0) < (values[b] ?? 0));
      const held = new Set<number>();
      for (const { slot, value, kind } of steps) {
        if (kind === 'take') {
          if (held.delete(slot)) heap.remove(slot);
        } else {
          values[slot] = value;
          if (held.has(slot)) heap.moved(slot);
          else heap.add(slot);
          held.add(slot);
        }
        const least = Math.min(...[...held].map((one) => values[one] ?? 0));
        const top = heap.top();
        if (held.size === 0 ? top !== undefined : top === undefined || values[top] !== least) return false;
        if (heap.size !== held.size || [...heap.slots()].some((one) => !held.has(one))) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test('after all have changed it is put in order again', (t) => {
  const values = [5, 3, 8, 1, 9, 2];
  const heap = new SlotHeap(6, (a, b) => (values[a] ?? 0) < (values[b] ?? 0));
  for (const slot of values.keys()) heap.add(slot);
  t.is(heap.top(), 3);
  for (const slot of values.keys()) values[slot] = -(values[slot] ?? 0);
  heap.rebuild();
  t.is(heap.top(), 4);
});

test('indexes come in the order of their values', (t) => {
  t.deepEqual([...ascending(Float64Array.of(3, -1, 2, 0))], [1, 3, 2, 0]);
  t.deepEqual([...ascending(new Float64Array(0))], []);
});
