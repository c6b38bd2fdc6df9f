import test from 'ava';
import fc from 'fast-check';
import type { Content } from '../../daemon/domain/content.ts';
import { type FetchEnd, fetchTimeoutMs, planFetchOutcome } from '../../daemon/plan/fetch-outcome.ts';

const limits = { pinAttempts: 3, pinTimeoutMs: 3_600_000 };
const NOW_MS = 10_000_000;

function content(over: Partial<Content> = {}): Content {
  return { key: 'bafy', pins: 1, hot: 'wanted', owner: 'ours', attempts: 0, wantedSinceMs: NOW_MS - 1_000, notBeforeMs: 0, ...over };
}

function outcome(failure: FetchEnd['failure'], over: Partial<Content> = {}) {
  return planFetchOutcome(content(over), { failure, message: 'what happened' }, NOW_MS, limits);
}

for (const failure of ['too_many_bytes', 'too_many_blocks', 'invalid', 'timeout'] as const) {
  test(`${failure} is final and says why`, (t) => {
    t.deepEqual(outcome(failure), { kind: 'failed', reason: { code: failure, text: 'what happened' } });
  });
}

for (const failure of ['stalled', 'refused'] as const) {
  test(`what is ${failure} is tried again, later each time, and given up after the last attempt`, (t) => {
    const pauses = [0, 1].map((attempts) => {
      const result = outcome(failure, { attempts });
      return result.kind === 'later' && result.free !== true ? result.notBeforeMs - NOW_MS : Number.NaN;
    });
    t.true((pauses[0] ?? 0) > 0 && (pauses[1] ?? 0) > (pauses[0] ?? 0));
    const last = outcome(failure, { attempts: 2 });
    t.is(last.kind, 'failed');
    t.regex(last.kind === 'failed' ? last.reason.text : '', /given up after 3 attempts/);
  });
}

test('a hot tier that is down costs no attempt, however long it lasts', (t) => {
  const result = outcome('down', { wantedSinceMs: 0 });
  t.true(result.kind === 'later' && result.free === true);
  t.notRegex('reason' in result ? result.reason.text : '', /what happened/, 'how it cannot be reached is nothing for clients');
});

test('a search put back for others goes on until limits.pin_timeout, then fails', (t) => {
  t.is(outcome('rotated').kind, 'later');
  t.is(outcome('rotated', { wantedSinceMs: NOW_MS - limits.pinTimeoutMs }).kind, 'failed');
});

test('what we ended ourselves never fails a pin', (t) => {
  for (const failure of ['shared', 'paused', 'no_room', 'aborted'] as const)
    t.is(outcome(failure, { attempts: 99, wantedSinceMs: 0 }).kind, 'later');
});

test('what was stopped for lack of room is not fetched again at once', (t) => {
  const [stopped, paused] = [outcome('no_room'), outcome('paused')];
  t.true(stopped.kind === 'later' && stopped.free === true && stopped.notBeforeMs > NOW_MS);
  t.true(paused.kind === 'later' && paused.notBeforeMs === NOW_MS);
});

test('every outcome has a reason with a code and a sentence, and never lies in the past', (t) => {
  const failures: FetchEnd['failure'][] = [
    'down',
    'stalled',
    'refused',
    'timeout',
    'too_many_bytes',
    'too_many_blocks',
    'invalid',
    'aborted',
    'rotated',
    'shared',
    'paused',
    'no_room',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...failures), fc.nat(20), fc.nat(NOW_MS), (failure, attempts, wantedSinceMs) => {
      const result = outcome(failure, { attempts, wantedSinceMs });
      if (result.kind === 'pinned') return false;
      return result.reason.code !== '' && result.reason.text !== '' && (result.kind === 'failed' || result.notBeforeMs >= NOW_MS);
    }),
  );
  t.pass();
});

test('a fetch may take what is left of the whole time, and at least a second', (t) => {
  t.is(fetchTimeoutMs(content(), NOW_MS, limits), limits.pinTimeoutMs - 1_000);
  t.is(fetchTimeoutMs(content({ wantedSinceMs: 0 }), NOW_MS, limits), 1_000);
});
