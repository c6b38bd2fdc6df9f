import test from 'ava';

import { createMk12World } from './mk12-world.ts';
import { makersSuite } from './suite.ts';

makersSuite({ test, createWorld: () => createMk12World('http') });
