/**
 * Opens the store in argv[2] and commits without end. Every commit writes five records that belong together; when it is
 * acknowledged a line `caller number sequence` goes out, by a write that is done when it returns.
 */
import { writeSync } from 'node:fs';

import { type LevelStore, openLevelStore } from '../../../daemon/store/level-store.ts';
import { testStoreOptions } from '../../fixtures/create-store.ts';

const CALLERS = 8;

async function call(store: LevelStore, caller: number): Promise<never> {
  const tip = `tip/${caller}`;
  const found = await store.get<{ number: number }>(tip);
  let version = found?.version ?? null;
  for (let number = (found?.value.number ?? 0) + 1; ; number += 1) {
    const key = `p/${caller}/${number}`;
    version = await store.commit({
      expect: { [tip]: version, [key]: null },
      ops: [
        { put: tip, value: { number } },
        { put: key, value: { text: 'x'.repeat((number * 37) % 3000) } },
        ...['x', 'y', 'z'].map((index) => ({ put: `${index}/${caller}/${number}`, value: Buffer.from(key) })),
      ],
    });
    writeSync(1, `${caller} ${number} ${version}\n`);
  }
}

const store = await openLevelStore(testStoreOptions(process.argv[2] ?? ''));
writeSync(1, 'open\n');
await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(store, caller)));
