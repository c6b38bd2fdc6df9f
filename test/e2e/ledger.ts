import type { ExecutionContext } from 'ava';

import type { PinStatusBody, TestClient } from '../fixtures/create-client.ts';

/** What a client asked for. Every request has a name of its own, so that one whose answer was lost can be found. */
export interface Wish {
  cid: string;
  name: string;
  meta: Readonly<Record<string, string>>;
  origins?: readonly string[];
}

/** A pin that was accepted. */
export interface KnownPin {
  account: string;
  requestId: string;
  created: string;
  wish: Wish;
}

/** A request whose answer never came: it may have been done or not. */
export type Doubt =
  | { kind: 'add'; account: string; wish: Wish }
  | { kind: 'remove'; pin: KnownPin }
  | { kind: 'replace'; pin: KnownPin; wish: Wish };

/** Everything that the daemon has acknowledged, and what it left unanswered when it was killed. */
export class Ledger {
  /** By request id. */
  readonly present = new Map<string, KnownPin>();
  readonly gone = new Map<string, KnownPin>();
  /** Requests that were answered with a 202. */
  acknowledged = 0;
  #doubts: Doubt[] = [];

  added(account: string, wish: Wish, { requestid, created }: PinStatusBody): KnownPin {
    const pin = { account, requestId: requestid, created, wish };
    this.present.set(requestid, pin);
    this.acknowledged += 1;
    return pin;
  }

  removed(pin: KnownPin): void {
    this.present.delete(pin.requestId);
    this.gone.set(pin.requestId, pin);
    this.acknowledged += 1;
  }

  replaced(pin: KnownPin, wish: Wish, body: PinStatusBody): KnownPin {
    this.present.delete(pin.requestId);
    this.gone.set(pin.requestId, pin);
    return this.added(pin.account, wish, body);
  }

  doubt(doubt: Doubt): void {
    this.#doubts.push(doubt);
  }

  /** Finds out what became of the unanswered requests. Each was done whole or not at all. */
  settle(t: ExecutionContext, listed: ReadonlyMap<string, PinStatusBody>): number {
    const byName = new Map([...listed.values()].map((body) => [body.pin.name, body]));
    const doubts = this.#doubts;
    this.#doubts = [];
    for (const doubt of doubts) {
      if (doubt.kind === 'add') {
        const body = byName.get(doubt.wish.name);
        if (body !== undefined) this.added(doubt.account, doubt.wish, body);
        continue;
      }
      const { pin } = doubt;
      const oldIsThere = listed.has(pin.requestId);
      if (doubt.kind === 'replace') {
        const body = byName.get(doubt.wish.name);
        t.not(oldIsThere, body !== undefined, `replacing ${pin.requestId} by ${doubt.wish.name} was done by half`);
        if (body !== undefined) this.replaced(pin, doubt.wish, body);
      } else if (!oldIsThere) {
        this.removed(pin);
      }
    }
    return doubts.length;
  }
}

const PAGE = 1000;

/** Every pin of the token's account, through all pages. Fails when `count` is not what is there. */
export async function listAll(t: ExecutionContext, client: TestClient): Promise<Map<string, PinStatusBody>> {
  const all = new Map<string, PinStatusBody>();
  let before = '';
  for (;;) {
    const page = await client.list(`status=queued,pinning,pinned,failed&limit=${PAGE}${before}`);
    for (const body of page.results) {
      t.false(all.has(body.requestid), 'a page repeats a pin');
      all.set(body.requestid, body);
    }
    t.is(page.count, page.results.length < PAGE ? page.results.length : page.count, 'count is what is there');
    const last = page.results.at(-1);
    if (last === undefined || page.results.length >= page.count) return all;
    before = `&before=${encodeURIComponent(last.created)}`;
  }
}

/** Nothing acknowledged is lost or changed, and nothing is there that nobody asked for. */
export function compare(t: ExecutionContext, ledger: Ledger, listed: ReadonlyMap<string, PinStatusBody>): void {
  const lost = [...ledger.present.keys()].filter((id) => !listed.has(id));
  t.deepEqual(lost, [], 'acknowledged and lost');
  t.deepEqual(
    [...listed.keys()].filter((id) => !ledger.present.has(id)),
    [],
    'there, but deleted or never asked for',
  );
  for (const { requestId, created, wish } of ledger.present.values()) {
    const body = listed.get(requestId);
    const same =
      body?.pin.cid === wish.cid &&
      body.pin.name === wish.name &&
      body.created === created &&
      JSON.stringify(body.pin.meta) === JSON.stringify(wish.meta);
    if (!same) t.fail(`${requestId} was accepted as ${JSON.stringify({ wish, created })} and is ${JSON.stringify(body)}`);
  }
}
