import test from 'ava';

import { oldestBeyond, scanFrom } from '../../daemon/plan/scan.ts';

test('a scan goes on where the last one stopped, or begins anew when that was too long ago, or on another chain', (t) => {
  t.deepEqual(scanFrom(undefined, 500, 100), { epoch: 500, after: -1 });
  t.deepEqual(scanFrom({ epoch: 450, after: 7 }, 500, 100), { epoch: 450, after: 7 });
  t.deepEqual(scanFrom({ epoch: 450 }, 500, 100), { epoch: 450 });
  t.deepEqual(scanFrom({ epoch: 400, after: 7 }, 500, 100), { epoch: 500, after: -1 });
  t.deepEqual(scanFrom({ epoch: 501, after: 7 }, 500, 100), { epoch: 500, after: -1 });
});

test('there are never more candidates than so many: who was read longest ago makes room', (t) => {
  const epochs = new Map([
    ['f01', 30],
    ['f02', 10],
    ['f03', 20],
  ]);
  t.is(oldestBeyond(epochs, 4), undefined);
  t.is(oldestBeyond(epochs, 3), 'f02');
});
