import { createManagedKubo } from '../../daemon/hot/managed.ts';
import { managedOptions } from './create-managed.ts';

// A daemon that is nothing but a managed kubo, for tests that kill it: `node run-managed.ts STATE_DIR`.
const [stateDir = ''] = process.argv.slice(2);
const tier = createManagedKubo(managedOptions(stateDir));
await tier.start();
console.log('up');
setInterval(() => undefined, 60_000);
