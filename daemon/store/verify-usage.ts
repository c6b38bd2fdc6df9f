import { isFbpdError } from '../domain/errors.ts';
import { addServed, NOTHING_SERVED, type ServedSums } from '../domain/usage.ts';
import { type DayRecord, parseUsageKey, readDay, readServed } from '../domain/usage-records.ts';
import { EntryTally } from './cold/entry-tally.ts';
import { decodeRecord } from './engine/codec.ts';
import { typeOfKey } from './engine/group-commit.ts';

/**
 * Whether the contents of a day add up to the day. It is told every record of one snapshot in the order of the keys, and if it
 * asks for it, of another one, to name what is wrong.
 */
export class UsageRecords {
  readonly #entries = new EntryTally();
  readonly #problems: string[] = [];
  #isSecond = false;
  /** What was told of the day whose contents are being told. */
  #day: { name: string; served: ServedSums; contents: number } | undefined;

  /** A record whose checksum is right. */
  see(key: string, record: Buffer): void {
    const type = typeOfKey(key);
    if (type !== 'g' && type !== 'ga') return;
    try {
      const { value } = decodeRecord<object>(key, record);
      if (type === 'g') this.#seeContent(key, readServed(key, value));
      else this.#seeDay(key, readDay(key, value));
    } catch (error) {
      if (!isFbpdError(error, 'STORE_DAMAGED')) throw error;
      if (!this.#isSecond) this.#problems.push(error.message);
    }
  }

  get needsNames(): boolean {
    this.#endDay();
    return !this.#entries.isEqual;
  }

  /** Everything is told once more. */
  nameThem(): void {
    this.#isSecond = true;
    this.#entries.keepNames();
  }

  problems(): string[] {
    this.#endDay();
    const { expected, found } = this.#entries.difference();
    return [
      ...this.#problems,
      ...expected.map((day) => `of what was served, the contents add up to ${day}, and the sums of that day say something else`),
      ...found.map((day) => `of what was served, the sums say ${day}, and the contents of that day do not add up to it`),
    ];
  }

  #seeContent(key: string, served: ServedSums): void {
    const { accountId, day } = parseUsageKey(key);
    const name = `${accountId} ${day}`;
    if (this.#day?.name !== name) this.#endDay();
    const { served: before, contents } = this.#day ?? { served: NOTHING_SERVED, contents: 0 };
    this.#day = { name, served: addServed(before, served), contents: contents + 1 };
  }

  #endDay(): void {
    if (this.#day === undefined) return;
    this.#entries.expect(describe(this.#day.name, this.#day.served, this.#day.contents));
    this.#day = undefined;
  }

  #seeDay(key: string, record: DayRecord): void {
    this.#endDay();
    const { accountId, day } = parseUsageKey(key);
    const { dropped = NOTHING_SERVED, contents } = record;
    const kept: ServedSums = {
      hotBytes: record.hotBytes - dropped.hotBytes,
      networkBytes: record.networkBytes - dropped.networkBytes,
      coldBytes: record.coldBytes - dropped.coldBytes,
      responses: record.responses - dropped.responses,
    };
    const isEmpty = contents === 0 && Object.values(kept).every((amount) => amount === 0);
    if (!isEmpty) this.#entries.find(describe(`${accountId} ${day}`, kept, contents));
  }
}

function describe(day: string, { hotBytes, networkBytes, coldBytes, responses }: ServedSums, contents: number): string {
  return `${day}: ${hotBytes} hot, ${networkBytes} network and ${coldBytes} cold bytes in ${responses} responses, ${contents} records`;
}
