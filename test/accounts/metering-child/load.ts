import { writeSync } from 'node:fs';
import { openLevelStore } from '../../../daemon/store/level-store.ts';
import { createTestMetering, served } from '../../fixtures/create-metering.ts';
import { testStoreOptions } from '../../fixtures/create-store.ts';

/**
 * Notes responses of one byte until it is killed. Says `+` before a caller hands one in and `.` when that one is on disk, so that
 * who killed it knows between which numbers the truth is.
 */
const CALLERS = 32;
const store = await openLevelStore(testStoreOptions(process.argv[2] ?? ''));
const metering = createTestMetering(store, { limits: { groupEntries: 8 } });

async function call(caller: number): Promise<never> {
  for (let number = 0; ; number += 1) {
    writeSync(1, '+');
    await metering.note(served({ contentKey: `content-${(caller * 7 + number) % 50}`, bytes: 1 }));
    writeSync(1, '.');
  }
}

await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
