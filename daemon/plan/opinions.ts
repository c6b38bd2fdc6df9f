import { Popularity } from './popularity.ts';

/**
 * In turnovers, which are as many reads as there are hot contents: from what is read just now to what was always read.
 * On each kind of reading that is measured one of these is best, or next to it, and none is on all.
 */
const HALF_LIVES = [0.5, 2, 8, 64] as const;
/** What is believed until the shadows have shown something, and by what reads are counted for people. */
const ORDINARY = 2;
/** In turnovers: how long a hit in a shadow speaks for it. In reads, where contents are so few that chance would decide. */
const SCORE_HALF_LIFE = 0.5;
const SCORE_HALF_LIFE_MIN_READS = 64;
/** By how much another opinion must have been better before it is followed. */
const LEAD_MARGIN = 0.02;
/** A turnover of very few contents would be over at once. */
const TURNOVER_MIN_READS = 16;
const TURNOVERS_BEFORE_REBASE = 64;
/** Above every difference of worths. */
const KEPT = 2 ** 20;

/** What the shadows are told of the hot tier. */
export interface HotRoom {
  contents: number;
  /** What the shadows may have together, each. */
  bytes: number;
}

/** How good each opinion was lately, and which is followed. */
export interface OpinionScores {
  scores: readonly number[];
  lead: number;
}

export function areOpinionScores({ scores, lead }: OpinionScores): boolean {
  return scores.length === HALF_LIVES.length && HALF_LIVES[lead] !== undefined;
}

/** Several opinions about what is worth keeping, of which the one is followed whose shadow would have answered most lately. */
export class Opinions {
  readonly #opinions: readonly Popularity[];
  #lead: Popularity;
  #turnover = 0;

  /** `sizes` in bytes by slot, at least 1. */
  constructor(sizes: Float32Array, { scores, lead }: OpinionScores = { scores: [], lead: ORDINARY }) {
    this.#opinions = HALF_LIVES.map((halfLife, index) => new Popularity(halfLife, sizes, scores[index]));
    this.#lead = this.#at(lead);
  }

  get state(): OpinionScores {
    return { scores: this.#opinions.map(({ score }) => score), lead: this.#opinions.indexOf(this.#lead) };
  }

  /** Of the opinion that is followed, in turnovers. */
  get halfLife(): number {
    return this.#lead.halfLife;
  }

  /** The less, the sooner it should go: what would not be kept before what would, and of these what is worth less. */
  placeOf(slot: number): number {
    return this.#lead.worth(slot) + (this.#lead.wouldKeep(slot) ? KEPT : 0);
  }

  goesBefore(a: number, b: number): boolean {
    return this.placeOf(a) < this.placeOf(b);
  }

  wouldKeep(slot: number): boolean {
    return this.#lead.wouldKeep(slot);
  }

  /** Reads of it, half as many for each eight turnovers that they are old. */
  readsLately(slot: number): number {
    return 2 ** this.#at(ORDINARY).logReads(slot, this.#turnover);
  }

  /** One number an opinion, from which `begin` goes on. */
  logReads(slot: number): number[] {
    return this.#opinions.map((opinion) => opinion.logReads(slot, this.#turnover));
  }

  /** A slot that no shadow has. */
  begin(slot: number, logReads: readonly number[]): void {
    for (const [index, opinion] of this.#opinions.entries()) opinion.begin(slot, logReads[index] ?? 0, this.#turnover);
  }

  /** Each shadow takes what its opinion likes best. */
  fill(slots: readonly number[], roomBytes: number): void {
    for (const opinion of this.#opinions) {
      for (const slot of slots.toSorted((a, b) => opinion.worth(b) - opinion.worth(a))) opinion.admit(slot, roomBytes, () => {});
    }
  }

  /** No shadow has it any more. */
  forget(slot: number): void {
    for (const opinion of this.#opinions) opinion.forget(slot);
  }

  /**
   * A read of a slot that is `known`, or new. `onMoved` is called for each other slot whose place is another now. True
   * when all places are, as another opinion is followed.
   */
  read(slot: number, known: boolean, size: number, room: HotRoom, onMoved: (slot: number) => void): boolean {
    this.#turnover += 1 / Math.max(TURNOVER_MIN_READS, room.contents);
    const kept = 2 ** (-1 / Math.max(SCORE_HALF_LIFE_MIN_READS, SCORE_HALF_LIFE * room.contents));
    for (const opinion of this.#opinions) {
      const onGone = opinion === this.#lead ? onMoved : () => {};
      opinion.score = opinion.score * kept + (opinion.wouldKeep(slot) ? Math.sqrt(size) : 0);
      if (known) opinion.read(slot, this.#turnover);
      else opinion.begin(slot, 0, this.#turnover);
      opinion.shrink(room.bytes, onGone);
      if (!opinion.wouldKeep(slot)) opinion.admit(slot, room.bytes, onGone);
    }
    return this.#follow();
  }

  /** To be called between reads; `slots` were ever used. Changes no place but by rounding. */
  rebase(slots: number): void {
    if (this.#turnover < TURNOVERS_BEFORE_REBASE) return;
    for (const opinion of this.#opinions) opinion.rebase(this.#turnover, slots);
    this.#turnover = 0;
  }

  #follow(): boolean {
    let best = this.#lead;
    for (const opinion of this.#opinions) if (opinion.score > best.score) best = opinion;
    if (best.score <= this.#lead.score * (1 + LEAD_MARGIN)) return false;
    this.#lead = best;
    return true;
  }

  #at(index: number): Popularity {
    const opinion = this.#opinions[index];
    if (opinion === undefined) throw new RangeError(`no opinion ${index}`);
    return opinion;
  }
}
