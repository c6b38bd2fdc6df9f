import { lstat, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import { packTar, type TarEntry, type TarHeader } from 'modern-tar';

import { CliError, EXIT, type ExitCode } from '../../daemon/cli/exit.ts';
import { onlyFile, unpack } from '../../daemon/cli/unpack.ts';
import { createTestDir } from '../fixtures/create-store.ts';

type Entry = TarEntry & { body?: string };

const dir = (name: string): Entry => ({ header: { name, type: 'directory', size: 0 } });
const file = (name: string, body: string, mode = 0o644): Entry => ({
  header: { name, type: 'file', size: Buffer.byteLength(body), mode },
  body,
});
const link = (name: string, linkname: string): Entry => ({ header: { name, type: 'symlink', size: 0, linkname } });
const other = (name: string, type: TarHeader['type'], linkname = ''): Entry => ({
  header: { name, size: 0, linkname, ...(type === undefined ? {} : { type }) },
});

async function* inParts(bytes: Uint8Array, size = 700): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpackIn(t: ExecutionContext, entries: Entry[], { skipLinks = false, cut = 0 } = {}) {
  const box = await createTestDir(t);
  const leftOut: string[] = [];
  let bytes = 0;
  const archive = await packTar(entries);
  const unpacking = unpack(inParts(archive.subarray(0, archive.length - cut)), {
    target: join(box, 'target'),
    skipLinks,
    onLeftOut: (name) => leftOut.push(name),
    onBytes(all) {
      bytes = all;
    },
  });
  return { box, target: join(box, 'target'), leftOut, unpacking, bytes: () => bytes };
}

async function refused(t: ExecutionContext, entries: Entry[], exitCode: ExitCode, message: RegExp): Promise<void> {
  const { box, unpacking } = await unpackIn(t, entries);
  const error = await t.throwsAsync(unpacking, { instanceOf: CliError, message });
  t.is((error as CliError).exitCode, exitCode);
  // Nothing but what the caller removes.
  t.true((await readdir(box)).every((name) => name === 'target'));
}

test('a file, and a directory with all there can be in it', async (t) => {
  const one = await unpackIn(t, [file('bafy', 'hello')]);
  await one.unpacking;
  t.is(await readFile(one.target, 'utf8'), 'hello');
  t.is(one.bytes(), 5);
  const long = 'n'.repeat(200);
  const tree = [
    dir('bafy'),
    dir('bafy/a/'),
    link('bafy/a/up', '../b'),
    file('bafy/b', 'b'),
    file(`bafy/a/${long}`, ''),
    file('bafy/run', '#!', 0o755),
  ];
  const many = await unpackIn(t, [...tree, link('bafy/to a', 'a/./up')]);
  await many.unpacking;
  t.deepEqual((await readdir(many.target)).sort(), ['a', 'b', 'run', 'to a']);
  t.is(await readFile(join(many.target, 'a', 'up'), 'utf8'), 'b');
  t.is(await readFile(join(many.target, 'to a'), 'utf8'), 'b');
  t.is((await stat(join(many.target, 'a', long))).size, 0);
  t.not((await stat(join(many.target, 'run'))).mode & 0o100, 0);
  t.is((await stat(join(many.target, 'b'))).mode & 0o111, 0);
});

test('names that lead elsewhere are refused', async (t) => {
  for (const name of ['bafy/../x', 'bafy/./x', 'bafy//x', '../bafy', '/etc/passwd', 'bafy/a/../../../x', '..', '.'])
    await refused(t, [dir('bafy'), dir('bafy/a'), file(name, 'x')], EXIT.refused, /leads elsewhere|one file or directory/);
  await refused(t, [file('..', 'x')], EXIT.refused, /leads elsewhere/);
});

test('links that could lead out are refused or left out, those that cannot are made', async (t) => {
  const inside = ['b', './b', '../b', 'deep/er', '..'];
  const outside = ['/etc/passwd', '../../b', '../../../etc', 'b/../../..', 'self/x/../..', ''];
  for (const to of inside) {
    const { target, unpacking } = await unpackIn(t, [dir('r'), dir('r/a'), link('r/a/link', to)]);
    await unpacking;
    t.true((await lstat(join(target, 'a', 'link'))).isSymbolicLink(), to);
  }
  for (const to of outside) {
    await refused(t, [dir('r'), dir('r/a'), link('r/a/link', to)], EXIT.refused, /out of what is fetched/);
    const { target, leftOut, unpacking } = await unpackIn(t, [dir('r'), dir('r/a'), link('r/a/link', to)], { skipLinks: true });
    await unpacking;
    t.deepEqual(leftOut, ['a/link']);
    t.deepEqual(await readdir(join(target, 'a')), []);
  }
  await refused(t, [link('r', 'b')], EXIT.refused, /^this is a link to b and no file/);
});

test('nothing is written through a link of the archive', async (t) => {
  const { box, target, unpacking } = await unpackIn(t, [dir('r'), dir('r/a'), link('r/door', 'a'), file('r/door/x', 'x')]);
  await t.throwsAsync(unpacking, { instanceOf: CliError });
  t.deepEqual(await readdir(join(target, 'a')), []);
  t.deepEqual(await readdir(box), ['target']);
});

test('what comes twice, comes beside the first, or is no file is refused', async (t) => {
  await refused(t, [dir('r'), file('r/a', '1'), file('r/a', '2')], EXIT.refused, /already/);
  await refused(t, [dir('r'), dir('r/a'), dir('r/a')], EXIT.refused, /already/);
  await refused(t, [dir('r'), file('r/a', '1'), link('r/a', 'b')], EXIT.refused, /already/);
  await refused(t, [file('r', '1'), file('s', '2')], EXIT.refused, /one file or directory/);
  await refused(t, [file('r/below', '1')], EXIT.refused, /one file or directory/);
  await refused(t, [dir('r'), other('r/hard', 'link', 'r/a')], EXIT.refused, /a link, where/);
  await refused(t, [dir('r'), other('r/pipe', 'fifo')], EXIT.refused, /a fifo, where/);
  await refused(t, [], EXIT.failed, /nothing came/);
});

test('what is there already is not written over', async (t) => {
  const box = await createTestDir(t);
  await writeFile(join(box, 'target'), 'mine');
  const options = { target: join(box, 'target'), skipLinks: false, onLeftOut: () => undefined, onBytes: () => undefined };
  await t.throwsAsync(unpack(inParts(await packTar([file('r', 'x')])), options), { message: /already/ });
  t.is(await readFile(join(box, 'target'), 'utf8'), 'mine');
});

test('an archive that is cut anywhere, or damaged, is no archive', async (t) => {
  const entries = [dir('r'), file('r/a', 'x'.repeat(3_000)), file('r/b', 'y')];
  for (const cut of [1, 600, 1_024, 1_536, 2_048, 4_000])
    await t.throwsAsync((await unpackIn(t, entries, { cut })).unpacking, undefined, `${cut}`);
  const archive = await packTar(entries);
  archive[512 + 3] = 0x41;
  const target = join(await createTestDir(t), 'target');
  await t.throwsAsync(unpack(inParts(archive), { target, skipLinks: false, onLeftOut: () => undefined, onBytes: () => undefined }));
});

test('to standard output goes one file and nothing else', async (t) => {
  const read = async (entries: Entry[]) => Buffer.concat(await Array.fromAsync(onlyFile(inParts(await packTar(entries))))).toString();
  t.is(await read([file('r', 'hello')]), 'hello');
  for (const entries of [[dir('r')], [dir('r'), file('r/a', '1')], [file('r', '1'), file('s', '2')]])
    await t.throwsAsync(read(entries), { instanceOf: CliError, message: /^this is a directory, .* -o DIR/ });
  await t.throwsAsync(read([link('r', 'b')]), { instanceOf: CliError, message: /^this is a link to b and no file/ });
});
