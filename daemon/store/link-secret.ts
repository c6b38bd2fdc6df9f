import { randomBytes } from 'node:crypto';

import type { Store } from '../domain/ports.ts';

const KEY = 'k/links';
const SECRET_BYTES = 32;

/** What links are signed with: made once, and kept in the store. Who has a copy of the store can sign, too. */
export async function openLinkSecret(store: Store): Promise<Uint8Array> {
  const stored = await store.get<Uint8Array>(KEY);
  if (stored !== undefined) return stored.value;
  const secret = randomBytes(SECRET_BYTES);
  await store.commit({ expect: { [KEY]: null }, ops: [{ put: KEY, value: secret }] });
  return secret;
}
