import test from 'ava';

import { createProgress, type ProgressOptions } from '../../daemon/cli/progress.ts';

const MIB = 1024 * 1024;

function create(options: Partial<ProgressOptions> & { isTTY: boolean; columns?: number }) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const { isTTY, columns } = options;
  const screen = { isTTY, columns, write: (text: string) => written.push(text) };
  const progress = createProgress({ label: 'sending', totalBytes: 100 * MIB, quiet: false, nowMs: () => clock.ms, ...options, screen });
  return { progress, written, clock };
}

test('on a terminal it is redrawn in place, ten times a second, and gone at the end', (t) => {
  const { progress, written, clock } = create({ isTTY: true });
  for (let i = 0; i <= 50; i++) {
    progress.update(i * MIB);
    clock.ms += 20;
  }
  t.is(written.length, 11);
  t.true(written.every((text) => text.startsWith('\r\u001B[K') && !text.includes('\n')));
  t.regex(written.at(-1) ?? '', /sending {2}\[############\.{12}\] 50 % {2}50 MiB of 100 MiB {2}50 MiB\/s {2}1s left/);
  progress.end();
  progress.end();
  t.deepEqual(written.slice(11), ['\r\u001B[K']);
});

test('elsewhere it is a line every few seconds', (t) => {
  const { progress, written, clock } = create({ isTTY: false });
  for (let i = 0; i < 12; i++) {
    clock.ms += 1_000;
    progress.update(i * MIB);
  }
  progress.end();
  t.is(written.length, 2);
  t.true(written.every((text) => text.endsWith('\n') && !text.includes('\u001B')));
});

test('a terminal that is narrow is not wrapped, and quiet is quiet', (t) => {
  const narrow = create({ isTTY: true, columns: 30 });
  narrow.progress.update(MIB);
  t.is(narrow.written[0]?.length, '\r\u001B[K'.length + 29);
  const quiet = create({ isTTY: true, quiet: true });
  quiet.progress.update(MIB);
  quiet.progress.end();
  t.deepEqual(quiet.written, []);
});

test('without a total there is no part of it, and one that was too small is not passed', (t) => {
  const unknown = create({ isTTY: true, totalBytes: undefined });
  unknown.progress.update(3 * MIB);
  t.regex(unknown.written[0] ?? '', /sending {2}3 MiB {2}/);
  const small = create({ isTTY: true, totalBytes: MIB });
  small.progress.update(3 * MIB);
  t.regex(small.written[0] ?? '', /100 %/);
  const none = create({ isTTY: true, totalBytes: 0 });
  none.progress.update(0);
  t.regex(none.written[0] ?? '', /100 %/);
});

test('the rate is that of the last seconds', (t) => {
  const { progress, written, clock } = create({ isTTY: true });
  for (let i = 1; i <= 20; i++) {
    clock.ms += 1_000;
    progress.update(i * 4 * MIB);
  }
  for (let i = 1; i <= 15; i++) {
    clock.ms += 1_000;
    progress.update(80 * MIB + i * MIB);
  }
  t.regex(written.at(-1) ?? '', / 1 MiB\/s {2}5s left/);
});
