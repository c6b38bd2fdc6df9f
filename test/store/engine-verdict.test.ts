import test from 'ava';

import type { LiveLog, LoggedGroup } from '../../daemon/store/engine/live-logs.ts';
import { judgeLogs } from '../../daemon/store/engine/live-logs-verdict.ts';
import { parseLog } from '../../daemon/store/engine/write-ahead-log.ts';

/** Group `number` of one commit of the same number; `synced` is what it knew to be synced. */
function group(number: number, synced = number - 1): LoggedGroup {
  return { offset: number * 100, entry: { group: number, first: number, last: number, synced, counts: {} } };
}

function log(groups: LoggedGroup[], broken?: { stranded?: LoggedGroup[] }): LiveLog {
  const goodSizeBytes = groups.length * 100;
  return { path: 'x.log', sizeBytes: goodSizeBytes + (broken ? 100 : 0), goodSizeBytes, groups, stranded: broken?.stranded ?? [] };
}

test('logs without a gap are whole, if they reach the mark', (t) => {
  t.deepEqual(judgeLogs([], 7), { kind: 'whole' });
  t.deepEqual(judgeLogs([log([group(4), group(5)]), log([group(6)])], 6), { kind: 'whole' });
  t.is(judgeLogs([log([group(4), group(5)]), log([group(6)])], 7).kind, 'damaged');
});

test('a torn end is whole, if nothing that was on disk is in it', (t) => {
  t.deepEqual(judgeLogs([log([group(4), group(5)], {})], 5), { kind: 'whole' });
  t.is(judgeLogs([log([group(4), group(5)], {})], 6).kind, 'damaged');
  t.deepEqual(judgeLogs([log([group(4)], {}), log([])], 4), { kind: 'whole' });
});

test('a group missing between two logs is damage', (t) => {
  t.is(judgeLogs([log([group(4)]), log([group(6)])], 0).kind, 'damaged');
});

test('a gap is cut out with all that follows, in later logs too, when none of it was synced', (t) => {
  const logs = [log([group(3)]), log([group(4, 3), group(5, 3)], { stranded: [group(7, 3)] }), log([group(8, 3)])];
  t.deepEqual(judgeLogs(logs, 3), { kind: 'cut', index: 1, sizeBytes: 200, groups: 2, synced: 3 });
});

test('a gap is damage when something behind it, or the mark, says that it was synced', (t) => {
  const stranded = [group(5, 3), group(6, 3), group(7, 6)];
  t.is(judgeLogs([log([group(3)], { stranded })], 0).kind, 'damaged');
  t.is(judgeLogs([log([group(3)], { stranded: [group(5, 3)] })], 4).kind, 'damaged');
  t.is(judgeLogs([log([group(3)], {}), log([group(5, 4)])], 0).kind, 'damaged');
});

test('with nothing before the gap, what comes after must tell whether it was synced', (t) => {
  t.is(judgeLogs([log([], { stranded: [group(9, 8)] })], 0).kind, 'damaged');
  t.deepEqual(judgeLogs([log([], { stranded: [group(9, 5), group(10, 5)] })], 0), {
    kind: 'cut',
    index: 0,
    sizeBytes: 0,
    groups: 2,
    synced: 5,
  });
});

test('an empty log, and one of zeros or of noise, has no records and nothing stranded', (t) => {
  t.deepEqual(parseLog(Buffer.alloc(0)), { records: [], goodSizeBytes: 0, stranded: [] });
  t.deepEqual(parseLog(Buffer.alloc(100_000)), { records: [], goodSizeBytes: 0, stranded: [] });
  t.deepEqual(parseLog(Buffer.alloc(100_000, 3)), { records: [], goodSizeBytes: 0, stranded: [] });
});
