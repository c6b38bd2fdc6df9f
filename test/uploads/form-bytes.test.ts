import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { formOf, listFiles } from '../../daemon/cli/files.ts';
import { createFormCounter } from '../../daemon/uploads/form-bytes.ts';
import { createTestDir } from '../fixtures/create-store.ts';

function countIn(form: Uint8Array, contentType: string, pieceBytes: number): number {
  const count = createFormCounter(contentType);
  let bytes = 0;
  for (let at = 0; at < form.length; at += pieceBytes) bytes = count(form.subarray(at, at + pieceBytes));
  return bytes;
}

test('the files of a form are counted and nothing else, in whatever pieces it comes', async (t) => {
  const tree = join(await createTestDir(t), 'tree');
  await mkdir(join(tree, 'empty'), { recursive: true });
  await writeFile(join(tree, 'a'), 'x'.repeat(1_000));
  await writeFile(join(tree, 'lines'), '\r\n\r\n--\r\n--not the boundary\r\n\r\n');
  await writeFile(join(tree, 'none'), '');
  await symlink('a', join(tree, 'link'));
  const { entries, bytes } = await listFiles(tree);
  const { contentType, parts } = formOf(entries, () => undefined);
  const form = Buffer.concat(await Array.fromAsync(parts));
  for (const pieceBytes of [1, 2, 7, 100, form.length]) t.is(countIn(form, contentType, pieceBytes), bytes + 'a'.length, `${pieceBytes}`);
});

test('a boundary may stand in quotes, and of a part that goes on all is counted but its last bytes', (t) => {
  const form = Buffer.from(`--a b\r\nContent-Type: x\r\n\r\n${'y'.repeat(100)}`);
  t.is(countIn(form, 'multipart/form-data; boundary="a b"; x=y', 10), 100 - '\r\n--a b'.length + 1);
});
