import test from 'ava';

import { createLotusClientWorld } from './lotus-client-world.ts';
import { makersSoak } from './soak.ts';

makersSoak({ test, createWorld: createLotusClientWorld });
