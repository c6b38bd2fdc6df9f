import { tooManyRequests, unavailable } from './errors.ts';

export interface GateLimits {
  /** Replies at once, of one deal: a further one takes the place of the oldest, whose client may be long gone. */
  perDeal: number;
  /** Of one provider. */
  perProvider: number;
  all: number;
  /** What one deal may fetch in all, in multiples of its piece. */
  timesOver: number;
}

/** Providers fetch by five connections at once; some by one. */
export const GATE_LIMITS: GateLimits = { perDeal: 8, perProvider: 16, all: 128, timesOver: 20 };

export interface Entry {
  dealId: string;
  provider: string;
  pieceBytes: number;
  /** Ends the reply to make room for another of its deal. */
  cut: () => void;
}

export interface Admitted {
  sent(bytes: number): void;
  leave(): void;
}

const RETRY_SECONDS = 15;
/** Small pieces may be fetched more often. */
const FETCHED_BYTES_MIN = 2 ** 30;
/** Deals whose bytes are counted; the one longest not heard of is forgotten first. */
const COUNTED_MAX = 10_000;

/** How many replies run, and whose. */
export class PieceGates {
  readonly #limits: GateLimits;
  readonly #running = new Set<Entry>();
  /** Bytes by deal, the one heard of last at the end. */
  readonly #fetched = new Map<string, number>();

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running.size;
  }

  /** @throws HttpError 503 when others must end first, 429 for a deal that has fetched its piece over and over */
  enter(entry: Entry): Admitted {
    const { perDeal, perProvider, all, timesOver } = this.#limits;
    const { dealId, provider, pieceBytes } = entry;
    if ((this.#fetched.get(dealId) ?? 0) > Math.max(FETCHED_BYTES_MIN, timesOver * pieceBytes))
      throw tooManyRequests(`the piece of this deal was fetched more than ${timesOver} times over`, 24 * 3_600);
    const running = [...this.#running];
    const own = running.filter((one) => one.dealId === dealId);
    const isFull =
      own.length < perDeal && (running.length >= all || running.filter((one) => one.provider === provider).length >= perProvider);
    if (isFull) throw unavailable('too many pieces are being fetched at once; try again', RETRY_SECONDS);
    if (own.length >= perDeal) {
      const [oldest] = own;
      if (oldest !== undefined) this.#running.delete(oldest);
      oldest?.cut();
    }
    this.#running.add(entry);
    return {
      sent: (bytes) => this.#count(dealId, bytes),
      leave: () => void this.#running.delete(entry),
    };
  }

  #count(dealId: string, bytes: number): void {
    const before = this.#fetched.get(dealId) ?? 0;
    this.#fetched.delete(dealId);
    this.#fetched.set(dealId, before + bytes);
    if (this.#fetched.size > COUNTED_MAX) this.#fetched.delete(this.#fetched.keys().next().value ?? dealId);
  }
}
