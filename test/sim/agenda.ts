/** What people of the simulated world will do, by epoch. Unlike what is on the chain, no reorg takes it back. */
export class Agenda {
  #items: { epoch: number; run: () => void }[] = [];

  at(epoch: number, run: () => void): void {
    let place = this.#items.length;
    while (place > 0 && (this.#items[place - 1]?.epoch ?? 0) > epoch) place -= 1;
    this.#items.splice(place, 0, { epoch, run });
  }

  nextEpoch(): number | undefined {
    return this.#items[0]?.epoch;
  }

  /** Does what is due at that epoch. */
  runUntil(epoch: number): void {
    while ((this.#items[0]?.epoch ?? Number.POSITIVE_INFINITY) <= epoch) this.#items.shift()?.run();
  }
}
