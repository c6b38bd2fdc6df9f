import type { Token } from '../domain/account.ts';

/**
 * The tokens used last, by the hash of their secret. A token read from the store while another was being revoked is not
 * kept: `generation` tells.
 */
export class TokenCache {
  readonly #capacity: number;
  readonly #tokens = new Map<string, Token>();
  #generation = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** To be taken before a token is read from the store, and handed to {@link keep}. */
  get generation(): number {
    return this.#generation;
  }

  get(hash: string): Token | undefined {
    const token = this.#tokens.get(hash);
    if (token !== undefined) {
      this.#tokens.delete(hash);
      this.#tokens.set(hash, token);
    }
    return token;
  }

  keep(hash: string, token: Token, generation: number): void {
    if (generation !== this.#generation) return;
    this.#tokens.set(hash, token);
    const oldest = this.#tokens.keys().next();
    if (this.#tokens.size > this.#capacity && !oldest.done) this.#tokens.delete(oldest.value);
  }

  forget(hashes: readonly string[]): void {
    this.#generation += 1;
    for (const hash of hashes) this.#tokens.delete(hash);
  }
}
