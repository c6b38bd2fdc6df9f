import { EntryTally } from '../cold/entry-tally.ts';
import { decodeRecord } from '../engine/codec.ts';
import { typeOfKey } from '../engine/group-commit.ts';
import { segmentOfKey } from '../pins/keys.ts';
import { type IndexRecord, indexKeys, type OwnerRecord, unpackFingerprints } from './keys.ts';

const TYPES = new Set(['i', 'ic', 'id', 'if', 'ii']);

/**
 * Whether the index of blocks says the same wherever it says something twice. It is told every record of one snapshot, in the
 * order of their keys, and if it asks for it, of another one, to name what is wrong.
 */
export class IndexRecords {
  readonly #tally = new EntryTally();
  readonly #problems: string[] = [];
  /** Ids of indexes that are being deleted: nobody says how much of them is left. */
  readonly #dropped = new Set<string>();
  #isSecond = false;

  /** A record whose checksum is right. */
  see(key: string, record: Buffer): void {
    const type = typeOfKey(key);
    if (!TYPES.has(type)) return;
    try {
      this.#see(type, key, record);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      if (!this.#isSecond) this.#problems.push(`the record ${JSON.stringify(key)} is not what it should be: ${error.message}`);
    }
  }

  get needsNames(): boolean {
    return !this.#tally.isEqual;
  }

  /** Everything is told once more. */
  nameThem(): void {
    this.#isSecond = true;
    this.#dropped.clear();
    this.#tally.keepNames();
  }

  problems(): string[] {
    const { expected, found } = this.#tally.difference();
    return [
      ...this.#problems,
      ...expected.map((entry) => `the index of blocks lacks ${JSON.stringify(entry)}`),
      ...found.map((entry) => `the index of blocks has ${JSON.stringify(entry)}, which nothing else in it knows of`),
    ];
  }

  #see(type: string, key: string, record: Buffer): void {
    if (type === 'i') this.#tally.find(key);
    else if (type === 'id') this.#dropped.add(segmentOfKey(key, 1));
    else if (type === 'if') this.#seePart(key, decodeRecord<Uint8Array>(key, record).value);
    else if (type === 'ic') this.#seeIndex(segmentOfKey(key, 1), decodeRecord<IndexRecord>(key, record).value);
    else this.#tally.find(ownership(segmentOfKey(key, 1), decodeRecord<OwnerRecord>(key, record).value.contentKey));
  }

  #seeIndex(contentKey: string, { id, parts }: IndexRecord): void {
    this.#tally.expect(ownership(id, contentKey));
    for (let part = 0; part < parts; part++) this.#tally.expect(indexKeys.part(id, part));
  }

  /** Ids of dropped indexes were told before. */
  #seePart(key: string, part: Uint8Array): void {
    const id = segmentOfKey(key, 1);
    if (!this.#dropped.has(id)) this.#tally.find(key);
    for (const fingerprint of unpackFingerprints(part)) this.#tally.expect(indexKeys.entry(fingerprint, id));
  }
}

function ownership(id: string, contentKey: string): string {
  return `${indexKeys.owner(id)} ${contentKey}`;
}
