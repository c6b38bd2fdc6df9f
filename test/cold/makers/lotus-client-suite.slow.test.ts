import test from 'ava';

import { createLotusClientWorld } from './lotus-client-world.ts';
import { makersSuite } from './suite.ts';

makersSuite({ test, createWorld: () => createLotusClientWorld() });
