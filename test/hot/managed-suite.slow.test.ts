import test from 'ava';

import { createManagedTier } from './create-managed.ts';
import { hotTierSuite } from './suite.ts';

hotTierSuite({ test, create: createManagedTier });
