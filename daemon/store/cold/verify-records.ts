import { isFbpdError } from '../../domain/errors.ts';
import { decodeRecord } from '../engine/codec.ts';
import { typeOfKey } from '../engine/group-commit.ts';
import {
  decodeCandidate,
  decodeDay,
  decodeDeal,
  decodeProvider,
  type MembersRecord,
  type StoredCandidate,
  type StoredDay,
  type StoredDeal,
  type StoredPiece,
  type StoredProvider,
} from './codecs.ts';
import { EntryTally } from './entry-tally.ts';
import type { StoredEscrowBook, StoredEscrowLine } from './escrow-codec.ts';
import { entriesOfDeal, entriesOfPiece } from './indexes.ts';
import { type ContentRecord, coldKeys, subjectOfKey } from './keys.ts';
import { decodeTotals, NO_SUMS, type StoredTotals, type Sums, withDeal, withPiece } from './totals.ts';
import { EscrowRecords } from './verify-escrow.ts';

/** Types of keys that are looked at. */
const TYPES = new Set(['j', 'jm', 'js', 'jc', 'jr', 'd', 'dp', 'de', 'dl', 'da', 's', 'sc', 'm', 'me', 'n', 'nw', 'v']);
const LISTS = new Set(['js', 'jc', 'jr', 'dp', 'de', 'dl', 'da', 'nw']);

/**
 * Whether pieces, deals, and what is derived from them belong together. It is told every record of one snapshot, and if
 * it asks for it, of another one, to name what is wrong.
 */
export class ColdRecords {
  readonly #entries = new EntryTally();
  readonly #problems: string[] = [];
  /** Pieces that deals are about. */
  readonly #wanted = new Set<string>();
  #isSecond = false;
  #sums: Sums = NO_SUMS;
  #totals: Sums | undefined;
  #escrow = new EscrowRecords();

  /** A record whose checksum is right. */
  see(key: string, record: Buffer): void {
    const type = typeOfKey(key);
    if (!TYPES.has(type)) return;
    try {
      this.#see(type, key, record);
    } catch (error) {
      if (!isFbpdError(error, 'STORE_DAMAGED') && !(error instanceof TypeError)) throw error;
      if (!this.#isSecond) this.#problems.push(`the record ${JSON.stringify(key)} is not what it should be: ${error.message}`);
    }
  }

  get needsNames(): boolean {
    return !this.#entries.isEqual;
  }

  /** Everything is told once more. */
  nameThem(): void {
    this.#isSecond = true;
    this.#sums = NO_SUMS;
    this.#totals = undefined;
    this.#escrow = new EscrowRecords();
    this.#wanted.clear();
    this.#entries.keepNames();
  }

  problems(): string[] {
    const { expected, found } = this.#entries.difference();
    return [
      ...this.#problems,
      ...this.#totalsProblems(),
      ...this.#escrow.problems(),
      ...[...this.#wanted].map((pieceId) => `there are deals about the piece ${pieceId}, which has no record`),
      ...expected.map((entry) => `${describe(entry)} is missing`),
      ...found.map((entry) => `${describe(entry)} is there, but nothing that it is about says so`),
    ];
  }

  #see(type: string, key: string, record: Buffer): void {
    if (LISTS.has(type)) {
      this.#entries.find(key);
      return;
    }
    const value: unknown = decodeRecord(key, record).value;
    if (type === 'd') this.#seeDeal(value as StoredDeal);
    if (type === 'j') this.#seePiece(value as StoredPiece);
    if (type === 'jm') this.#seeMembers(subjectOfKey(key), value as MembersRecord);
    if (type === 'n') this.#seeContent(subjectOfKey(key), value as ContentRecord);
    if (type === 's') decodeProvider(value as StoredProvider);
    if (type === 'sc') decodeCandidate(value as StoredCandidate);
    if (type === 'm') decodeDay(value as StoredDay);
    if (type === 'me') this.#escrow.seeLine(value as StoredEscrowLine);
    if (key === coldKeys.escrow) this.#escrow.seeBook(value as StoredEscrowBook);
    if (key === coldKeys.totals) this.#totals = decodeTotals(value as StoredTotals).sums;
  }

  #seeDeal(stored: StoredDeal): void {
    const deal = decodeDeal(stored);
    for (const entry of entriesOfDeal(deal)) this.#entries.expect(entry);
    this.#sums = withDeal(this.#sums, undefined, deal);
    this.#wanted.add(deal.pieceId);
  }

  #seePiece(piece: StoredPiece): void {
    for (const entry of entriesOfPiece(piece)) this.#entries.expect(entry);
    this.#entries.expect(coldKeys.members(piece.id));
    this.#sums = withPiece(this.#sums, undefined, piece);
    // Keys of deals sort before those of pieces.
    this.#wanted.delete(piece.id);
  }

  #seeMembers(pieceId: string, { members }: MembersRecord): void {
    this.#entries.find(coldKeys.members(pieceId));
    for (const contentKey of new Set(members.map((member) => member.contentKey))) this.#entries.expect(membership(contentKey, pieceId));
  }

  #seeContent(contentKey: string, { pieces, waiting }: ContentRecord): void {
    for (const pieceId of pieces) this.#entries.find(membership(contentKey, pieceId));
    if (waiting !== undefined) this.#entries.expect(coldKeys.waiting(waiting));
  }

  #totalsProblems(): string[] {
    const { madeDeals: _made, removedDeals: _removed, ...counted } = this.#sums;
    const { madeDeals, removedDeals, ...kept } = this.#totals ?? NO_SUMS;
    const problems: string[] = [];
    if (canonical(kept) !== canonical(counted))
      problems.push(`the records add up to ${canonical(counted)}, and the totals say ${canonical(kept)}`);
    if (madeDeals - removedDeals !== this.#sums.madeDeals) {
      problems.push(`there are ${this.#sums.madeDeals} deals, and ${madeDeals} were made and ${removedDeals} removed`);
    }
    return problems;
  }
}

function membership(contentKey: string, pieceId: string): string {
  return `${coldKeys.content(contentKey)} ${pieceId}`;
}

function describe(entry: string): string {
  const [content, pieceId] = entry.split(' ');
  return pieceId === undefined ? `the entry ${JSON.stringify(entry)}` : `the piece ${pieceId} in ${JSON.stringify(content)}`;
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
