import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { Candidate } from '../../domain/provider.ts';
import { oldestBeyond } from '../../plan/scan.ts';
import { Gates } from './pool.ts';

/** Who was found by scans, in the store and at hand, never more than so many. Only the scan under way writes them. */
export class Candidates {
  readonly #store: ColdStore;
  readonly #known: Map<string, Candidate>;
  readonly #writes = new Gates(1);

  private constructor(store: ColdStore, known: Map<string, Candidate>) {
    this.#store = store;
    this.#known = known;
  }

  static async open(store: ColdStore): Promise<Candidates> {
    return new Candidates(store, new Map((await store.candidates()).map(({ value }) => [value.id, value])));
  }

  get(id: string): Candidate | undefined {
    return this.#known.get(id);
  }

  values(): Candidate[] {
    return [...this.#known.values()];
  }

  /** In the place of whoever was read longest ago, when there are too many. */
  async keep(candidate: Candidate): Promise<void> {
    await this.#writes.run('', async () => {
      const epochs = new Map([...this.#known.values()].map(({ id, readEpoch }) => [id, readEpoch]));
      const leaving = this.#known.has(candidate.id) ? undefined : oldestBeyond(epochs);
      const before = await this.#store.candidate(candidate.id);
      const left = leaving === undefined ? undefined : await this.#store.candidate(leaving);
      await this.#store.write({
        candidates: [{ before, after: candidate }, ...(left === undefined ? [] : [{ before: left, after: undefined }])],
      });
      this.#known.set(candidate.id, candidate);
      if (leaving !== undefined) this.#known.delete(leaving);
    });
  }

  /** It does not answer any more. */
  async drop(id: string): Promise<void> {
    if (!this.#known.has(id)) return;
    await this.#writes.run('', async () => {
      const before = await this.#store.candidate(id);
      if (before !== undefined) await this.#store.write({ candidates: [{ before, after: undefined }] });
      this.#known.delete(id);
    });
  }
}
