/**
 * Commits one after the other into the store in argv[2] until an I/O error ends it, under a tracer that makes one
 * happen. Says what it saw as one line of JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { isFbpdError } from '../../../daemon/domain/errors.ts';
import { type LevelStore, openLevelStore } from '../../../daemon/store/level-store.ts';
import { testStoreOptions } from '../../fixtures/create-store.ts';

const fatal: string[] = [];
const store = await openLevelStore(
  testStoreOptions(process.argv[2] ?? '', { create: false, onFatal: (error) => fatal.push(`${error.code} ${error.message}`) }),
);

async function outcome(store: LevelStore, key: string): Promise<string> {
  try {
    await store.commit({ expect: { [key]: null }, ops: [{ put: key, value: { key } }] });
    return 'acknowledged';
  } catch (error) {
    return isFbpdError(error) ? error.code : String(error);
  }
}

const acknowledged: string[] = [];
let refused: { key: string; code: string } | undefined;
for (let number = 0; number < 200 && refused === undefined; number += 1) {
  const key = `p/${number}`;
  const code = await outcome(store, key);
  if (code === 'acknowledged') acknowledged.push(key);
  else refused = { key, code };
}
let later = await outcome(store, 'p/later');
// A full disk is over some time, an I/O error is not.
for (let attempt = 0; attempt < 200 && later === 'STORAGE_FULL'; attempt += 1) {
  await sleep(50);
  later = await outcome(store, 'p/later');
}
const read = await store.get('p/0').then(
  () => 'read',
  (error: unknown) => (isFbpdError(error) ? error.code : String(error)),
);
await store.close();
process.stdout.write(`${JSON.stringify({ acknowledged, refused, later, read, fatal })}\n`);
