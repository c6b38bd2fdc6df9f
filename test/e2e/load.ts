import type { PinStatusBody, TestClient } from '../fixtures/create-client.ts';
import type { Random } from '../fixtures/random.ts';
import type { Doubt, KnownPin, Ledger, Wish } from './ledger.ts';

export interface LoadOptions {
  /** One client each. */
  accounts: ReadonlyMap<string, TestClient>;
  callers: number;
  /** What the callers do is decided by this alone; how far each of them comes is not. */
  random: Random;
  ledger: Ledger;
  /** CIDs that somebody has, and CIDs that nobody has. */
  available: readonly string[];
  dead: readonly string[];
  origins: readonly string[];
  /** Requests of each caller. */
  requests: number;
}

/** A reply that no request of these should get. */
export class UnexpectedReply extends Error {}

const NOT_ACCEPTED: ReadonlySet<number> = new Set([429, 503]);

/**
 * Callers that add, replace and remove pins of their own, each one request after the other, until all are through or
 * the daemon is gone. What is answered goes to the ledger, what is not goes there as a doubt.
 */
export async function runLoad(options: LoadOptions): Promise<void> {
  const accounts = [...options.accounts.keys()];
  await Promise.all(
    Array.from({ length: options.callers }, (_, index) => {
      const account = accounts[index % accounts.length] ?? '';
      return runCaller(options, account, `caller-${index}`);
    }),
  );
}

async function runCaller(options: LoadOptions, account: string, caller: string): Promise<void> {
  const client = options.accounts.get(account);
  if (client === undefined) throw new Error(`no such account: ${account}`);
  const random = options.random.fork(caller);
  const own: KnownPin[] = [];
  for (let count = 0; count < options.requests; count += 1) {
    const wish = wishOf(options, random, `${caller}-${count}-${random.below(2 ** 30)}`);
    const kind = own.length === 0 ? 'add' : random.pick(KINDS);
    const [pin] = kind === 'add' ? [] : own.splice(random.below(own.length), 1);
    const added = await request(options.ledger, client, doubtOf(account, kind, pin, wish));
    if (added === 'no answer') return;
    if (added === 'not accepted' && pin !== undefined) own.push(pin);
    if (typeof added === 'object') own.push(added);
  }
}

/** How often which. */
const KINDS = ['add', 'add', 'add', 'add', 'add', 'remove', 'remove', 'replace'] as const;

function doubtOf(account: string, kind: (typeof KINDS)[number], pin: KnownPin | undefined, wish: Wish): Doubt {
  if (kind === 'add' || pin === undefined) return { kind: 'add', account, wish };
  return kind === 'remove' ? { kind, pin } : { kind, pin, wish };
}

function wishOf({ available, dead, origins }: LoadOptions, random: Random, name: string): Wish {
  const cid = random.pick(random.next() < 0.12 ? dead : available);
  return { cid, name, meta: { by: name.slice(0, 9), round: String(random.below(1000)) }, origins };
}

/** Resolves with the new pin, with undefined when there is none to be. */
async function request(ledger: Ledger, client: TestClient, doubt: Doubt): Promise<KnownPin | undefined | 'not accepted' | 'no answer'> {
  const reply = await send(client, doubt).catch(() => undefined);
  if (reply === undefined) {
    ledger.doubt(doubt);
    return 'no answer';
  }
  if (NOT_ACCEPTED.has(reply.status)) return 'not accepted';
  if (reply.status !== 202) throw new UnexpectedReply(`${JSON.stringify(doubt)}: ${reply.status} ${JSON.stringify(reply.body)}`);
  if (doubt.kind === 'add') return ledger.added(doubt.account, doubt.wish, reply.body);
  if (doubt.kind === 'replace') return ledger.replaced(doubt.pin, doubt.wish, reply.body);
  ledger.removed(doubt.pin);
  return undefined;
}

function send(client: TestClient, doubt: Doubt): Promise<{ status: number; body: PinStatusBody }> {
  if (doubt.kind === 'remove') return client.call('DELETE', `/pins/${doubt.pin.requestId}`);
  return client.call('POST', doubt.kind === 'add' ? '/pins' : `/pins/${doubt.pin.requestId}`, doubt.wish);
}
