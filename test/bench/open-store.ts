import { randomUUID } from 'node:crypto';

import { COUNTED_TYPES as ACCOUNT_TYPES } from '../../daemon/accounts/accounts.ts';
import { systemClock } from '../../daemon/clock.ts';
import { createLog } from '../../daemon/log.ts';
import { openLevelStore } from '../../daemon/store/level-store.ts';
import { openPinStore, COUNTED_TYPES as PIN_TYPES } from '../../daemon/store/pin-store.ts';

/** Opens the pins of a state directory as the daemon does, and prints how many seconds that took. */

const [dir = ''] = process.argv.slice(2);
const log = createLog('silent');
const beganMs = performance.now();
const store = await openLevelStore({
  dir,
  countedTypes: [...PIN_TYPES, ...ACCOUNT_TYPES],
  schema: 1,
  log,
  clock: systemClock,
  onFatal: (error) => {
    throw error;
  },
});
await openPinStore({ store, clock: systemClock, log, randomUUID });
process.stdout.write(`${(performance.now() - beganMs) / 1_000}\n`);
await store.close();
