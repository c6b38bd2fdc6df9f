import test from 'ava';

import { createLotusClientWorld } from './lotus-client-world.ts';
import { makersSoak } from './soak.ts';

/** Hundreds of sends wait for it in vain. */
const SEND_DEADLINE_MS = 300;

makersSoak({ test, createWorld: () => createLotusClientWorld(SEND_DEADLINE_MS) });
