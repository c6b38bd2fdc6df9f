import type { BudgetDay, ColdOfContent, ColdTotals, WaitingContent } from '../../domain/cold-store-port.ts';
import type { Deal } from '../../domain/deal.ts';
import { isFbpdError } from '../../domain/errors.ts';
import type { EscrowLine } from '../../domain/escrow.ts';
import type { BuiltPiece, Piece } from '../../domain/piece.ts';
import type { Range, Store, StoredValue, Versioned } from '../../domain/ports.ts';
import type { Candidate, Provider, ScanMark } from '../../domain/provider.ts';
import type { Log } from '../../log.ts';
import { collect } from '../pins/collect.ts';
import { under } from '../pins/keys.ts';
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
import type { DueLists } from './due-lists.ts';
import { decodeEscrowLine, type StoredEscrowLine } from './escrow-codec.ts';
import { type ContentRecord, coldKeys, subjectOfKey, waitingUnder } from './keys.ts';
import type { Sums } from './totals.ts';

/** A sample is drawn from so many neighbours, so that one behind a wide gap is not drawn much more often than others. */
const SAMPLE_NEIGHBOURS = 16;
const SAMPLE_DIGITS = 8;

/** Everything that only reads. */
export class ColdQueries {
  readonly #store: Store;
  readonly #lists: DueLists;
  readonly #log: Log;

  constructor({ store, lists, log }: { store: Store; lists: DueLists; log: Log }) {
    this.#store = store;
    this.#lists = lists;
    this.#log = log;
  }

  async waiting(policy: string): Promise<WaitingContent[]> {
    const listed = await collect(this.#store.keys(waitingUnder(policy)));
    const records = await this.#store.getMany<ContentRecord>(listed.map((key) => coldKeys.content(subjectOfKey(key))));
    return records.flatMap((record) => record?.value.waiting ?? []);
  }

  async sealedPieces(limit: number): Promise<Versioned<Piece>[]> {
    return this.#readable(await this.#subjects({ ...under('js'), limit }), (ids) => this.pieces(ids));
  }

  async duePieces(queue: 'create' | 'renew', epoch: number, limit: number): Promise<Versioned<Piece>[]> {
    return this.#readable(await this.#lists.look(queue, epoch, limit), (ids) => this.pieces(ids));
  }

  async comingPieces(
    queue: 'create' | 'renew',
    { after, until }: { after?: number; until: number },
    limit: number,
  ): Promise<Versioned<StoredPiece>[]> {
    const ids = after === undefined ? this.#lists.look(queue, until, limit) : this.#lists.between(queue, after, until, limit);
    return this.#readable(await ids, (some) => this.#withoutMembers(some));
  }

  async dueDeals(epoch: number, limit: number): Promise<Versioned<Deal>[]> {
    return this.#readable(await this.#lists.look('deals', epoch, limit), (ids) => this.#deals(ids));
  }

  async piece(pieceId: string): Promise<Versioned<Piece> | undefined> {
    return (await this.pieces([pieceId]))[0];
  }

  async built(pieceId: string): Promise<BuiltPiece | undefined> {
    return (await this.#store.get<StoredPiece>(coldKeys.piece(pieceId)))?.value.built;
  }

  /** Those that are there. */
  async pieces(pieceIds: readonly string[]): Promise<Versioned<Piece>[]> {
    const keys = pieceIds.flatMap((id) => [coldKeys.piece(id), coldKeys.members(id)]);
    const records = await this.#store.getMany<StoredPiece | MembersRecord>(keys);
    return pieceIds.flatMap((_, index) => {
      const piece = records[2 * index] as Versioned<StoredPiece> | undefined;
      const members = records[2 * index + 1] as Versioned<MembersRecord> | undefined;
      if (piece === undefined) return [];
      return [{ version: piece.version, value: { ...piece.value, members: members?.value.members ?? [] } }];
    });
  }

  async #withoutMembers(pieceIds: readonly string[]): Promise<Versioned<StoredPiece>[]> {
    return (await this.#store.getMany<StoredPiece>(pieceIds.map(coldKeys.piece))).filter((piece) => piece !== undefined);
  }

  async content(contentKey: string): Promise<ContentRecord | undefined> {
    return (await this.#store.get<ContentRecord>(coldKeys.content(contentKey)))?.value;
  }

  async piecesOf(contentKey: string): Promise<Versioned<Piece>[]> {
    return this.pieces((await this.content(contentKey))?.pieces ?? []);
  }

  /** Two reads, however many contents: the members of their pieces are not read. */
  async coldOf(contentKeys: readonly string[]): Promise<ColdOfContent[]> {
    const contents = (await this.#store.getMany<ContentRecord>(contentKeys.map(coldKeys.content))).map((record) => record?.value);
    const ids = [...new Set(contents.flatMap((content) => content?.pieces ?? []))];
    const records = await this.#store.getMany<StoredPiece>(ids.map(coldKeys.piece));
    const shown = new Map(
      records.flatMap((record) => {
        if (record === undefined) return [];
        const { id, policy, state, summary, next, repack, part } = record.value;
        const shape = { ...(repack === undefined ? {} : { repack }), ...(part === undefined ? {} : { part }) };
        return [[id, { id, policy, state, summary, next, ...shape }]];
      }),
    );
    return contents.map((content) => ({
      ...(content?.waiting === undefined ? {} : { waiting: content.waiting }),
      pieces: (content?.pieces ?? []).flatMap((id) => shown.get(id) ?? []),
    }));
  }

  async deal(dealId: string): Promise<Versioned<Deal> | undefined> {
    return (await this.#deals([dealId]))[0];
  }

  async dealsOf(pieceId: string): Promise<Versioned<Deal>[]> {
    return this.#deals(await this.#subjects(under('dp', pieceId)));
  }

  async *deals({ after, limit }: { after?: string; limit?: number } = {}): AsyncGenerator<Versioned<Deal>> {
    const { gte, lt } = under('d');
    const from = after === undefined ? { gte } : { gt: coldKeys.deal(after) };
    const range: Range = { ...from, lt, ...(limit === undefined ? {} : { limit }) };
    for await (const [, { value, version }] of this.#store.range<StoredDeal>(range)) yield { value: decodeDeal(value), version };
  }

  async liveDealsWith(providerId: string): Promise<Versioned<Deal>[]> {
    return this.#deals(await this.#subjects(under('dl', providerId)));
  }

  async sampleActive(chance: number): Promise<Versioned<Deal> | undefined> {
    const { gte, lt } = under('da');
    const place = Math.min(Math.max(chance, 0), 1 - Number.EPSILON) * 16 ** SAMPLE_DIGITS;
    const seek = coldKeys.activeDeal(Math.floor(place).toString(16).padStart(SAMPLE_DIGITS, '0'));
    const found = await this.#subjects({ gte: seek, lt, limit: SAMPLE_NEIGHBOURS });
    if (found.length < SAMPLE_NEIGHBOURS) found.push(...(await this.#subjects({ gte, lt: seek, limit: SAMPLE_NEIGHBOURS - found.length })));
    const drawn = found[Math.floor((place % 1) * found.length)];
    return drawn === undefined ? undefined : this.deal(drawn);
  }

  async provider(providerId: string): Promise<Versioned<Provider> | undefined> {
    const record = await this.#store.get<StoredProvider>(coldKeys.provider(providerId));
    return record && { value: decodeProvider(record.value), version: record.version };
  }

  async providers(): Promise<Versioned<Provider>[]> {
    const found: Versioned<Provider>[] = [];
    for await (const [, { value, version }] of this.#store.range<StoredProvider>(under('s'))) {
      found.push({ value: decodeProvider(value), version });
    }
    return found;
  }

  async candidate(providerId: string): Promise<Versioned<Candidate> | undefined> {
    const record = await this.#store.get<StoredCandidate>(coldKeys.candidate(providerId));
    return record && { value: decodeCandidate(record.value), version: record.version };
  }

  async candidates(): Promise<Versioned<Candidate>[]> {
    const found: Versioned<Candidate>[] = [];
    for await (const [, { value, version }] of this.#store.range<StoredCandidate>(under('sc'))) {
      found.push({ value: decodeCandidate(value), version });
    }
    return found;
  }

  scanMark(): Promise<Versioned<ScanMark> | undefined> {
    return this.#store.get<ScanMark>(coldKeys.scan);
  }

  async day(day: number): Promise<Versioned<BudgetDay> | undefined> {
    const record = await this.#store.get<StoredDay>(coldKeys.day(day));
    return record && { value: decodeDay(record.value), version: record.version };
  }

  async escrowLines(limit: number): Promise<EscrowLine[]> {
    const found: EscrowLine[] = [];
    for await (const [, { value }] of this.#store.range<StoredEscrowLine>({ ...under('me'), reverse: true, limit }))
      found.push(decodeEscrowLine(value));
    return found;
  }

  async #deals(dealIds: readonly string[]): Promise<Versioned<Deal>[]> {
    const records = await this.#store.getMany<StoredDeal>(dealIds.map(coldKeys.deal));
    return records.flatMap((record) => (record === undefined ? [] : [{ value: decodeDeal(record.value), version: record.version }]));
  }

  async #subjects(range: Range): Promise<string[]> {
    return (await collect(this.#store.keys(range))).map(subjectOfKey);
  }

  /** Of a list of things to be done, all that can be read: a damaged record holds up itself and nothing else. */
  async #readable<T extends StoredValue>(ids: readonly string[], read: (ids: readonly string[]) => Promise<Versioned<T>[]>) {
    try {
      return await read(ids);
    } catch (error) {
      if (!isFbpdError(error, 'STORE_DAMAGED')) throw error;
    }
    const found: Versioned<T>[] = [];
    for (const id of ids) {
      try {
        found.push(...(await read([id])));
      } catch (error) {
        if (!isFbpdError(error, 'STORE_DAMAGED')) throw error;
        this.#log.error({ err: error, id }, 'a record of the cold layer is damaged and passed over; run "fbpd check"');
      }
    }
    return found;
  }
}

/** What callers see of the sums. */
export function totalsOf({ deals, unknownDeals, pieces, committedAtto }: Sums): ColdTotals {
  return { deals, unknownDeals, pieces, committedAtto };
}
