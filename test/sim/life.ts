import type { Random } from '../fixtures/random.ts';

/** What everybody gets who deals with the world for a process that has died. */
export class Crash extends Error {}

/** Where a process dies: at its n-th call out of itself, before or after that was done. */
export interface Death {
  calls: number;
  when: 'before' | 'after';
}

/** One process: from the moment it dies, nothing it asks for is done or answered. */
export class Life {
  isDead = false;
  /** Calls made so far. */
  calls = 0;
  /** What it was doing when it died. */
  lastCall = '';
  death: Death | undefined;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Dies at the n-th call from now. */
  dieAfter(death: Death): void {
    this.death = { calls: this.calls + death.calls, when: death.when };
  }

  async read<T>(effect: () => T | Promise<T>): Promise<T> {
    if (this.isDead) throw new Crash('read');
    await this.#pause();
    const value = await effect();
    if (this.isDead) throw new Crash('read');
    return value;
  }

  async call<T>(name: string, effect: () => T | Promise<T>): Promise<T> {
    if (this.isDead) throw new Crash(name);
    this.calls += 1;
    const dies = this.calls === this.death?.calls;
    if (dies) this.lastCall = name;
    if (dies && this.death?.when === 'before') this.isDead = true;
    if (this.isDead) throw new Crash(name);
    await this.#pause();
    const value = await effect();
    if (dies) this.isDead = true;
    if (this.isDead) throw new Crash(name);
    return value;
  }

  /** Who runs beside others meets them in every order. */
  async #pause(): Promise<void> {
    for (let turns = this.#random.below(6); turns > 0; turns--) await undefined;
  }
}

/** Dying before or after these is dying at the call that comes next or came before. */
const READS = new Set(['get', 'getMany']);
/** Calls that give their answer at once, or bit by bit. */
const NOT_AWAITED = new Set(['retrieve', 'range', 'keys', 'counts', 'block']);

/** The same port as this process sees it; every awaited call that does or asks for something counts. */
export function mortal<T extends object>(life: Life, label: string, port: T): T {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || typeof name !== 'string') return value;
      const call = (...args: unknown[]): unknown => Reflect.apply(value, target, args);
      if (NOT_AWAITED.has(name)) return call;
      if (READS.has(name)) return (...args: unknown[]) => life.read(() => call(...args));
      return (...args: unknown[]) => life.call(`${label}.${name}`, () => call(...args));
    },
  });
}
