import { RpcError } from './errors.ts';
import { type Key, keyOf, type Signature, sign } from './keys.ts';

/** The node's keys. The first one is the default. */
export class Wallet {
  readonly #seed: string;
  #keys = new Map<string, Key>();
  #made = 0;

  constructor(seed: string) {
    this.#seed = seed;
    this.create();
  }

  get default(): string {
    return [...this.#keys.keys()][0] ?? '';
  }

  create(): string {
    const key = keyOf(`${this.#seed}/wallet ${this.#made++}`);
    this.#keys.set(key.address, key);
    return key.address;
  }

  list(): string[] {
    return [...this.#keys.keys()].sort();
  }

  has(address: string): boolean {
    return this.#keys.has(address);
  }

  key(address: string): Key {
    const key = this.#keys.get(address);
    if (key === undefined) throw new RpcError(1, `signing using key '${address}': key not found`);
    return key;
  }

  sign(address: string, bytes: Uint8Array): Signature {
    return sign(this.key(address), bytes);
  }

  dump(): number {
    return this.#made;
  }

  load(made: number): void {
    while (this.#made < made) this.create();
  }
}
