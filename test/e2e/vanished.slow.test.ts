import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

import { createDaemon } from '../fixtures/create-daemon.ts';

test('a store that has vanished with all its traces is not made anew beside the kubo that it belonged to', async (t) => {
  const daemon = await createDaemon(t);
  await daemon.stop();
  for (const name of ['store', 'store.json', 'store.mark']) await rm(join(daemon.stateDir, name), { recursive: true, force: true });

  await t.throwsAsync(daemon.start(), { message: /there is no store/ });
  t.is((await daemon.exited()).code, 6);
});

test('a second daemon on one state directory is refused, and the first one keeps its kubo', async (t) => {
  const daemon = await createDaemon(t);
  const { code, stderr } = await daemon.cli('serve');
  t.is(code, 5);
  t.regex(stderr, /is open in another process/);
  const { body } = await daemon.admin('GET', '/admin/status');
  t.true((body as { hot: { up: boolean } }).hot.up);
});
