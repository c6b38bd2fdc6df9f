import { type EscrowBook, type EscrowLine, type EscrowSums, escrowBySums, NO_ESCROW_SUMS } from '../../domain/escrow.ts';
import { formatFil } from '../../domain/fil.ts';
import { decodeEscrowBook, decodeEscrowLine, type StoredEscrowBook, type StoredEscrowLine } from './escrow-codec.ts';

/** Whether the lines of the escrow's book are all there, and add up to it. It is told them in their order. */
export class EscrowRecords {
  #lines = 0;
  #missing = 0;
  #sums: EscrowSums = NO_ESCROW_SUMS;
  #book: EscrowBook | undefined;

  seeLine(stored: StoredEscrowLine): void {
    const line = decodeEscrowLine(stored);
    if (line.number !== this.#lines + 1) this.#missing += 1;
    this.#lines = line.number;
    this.#sums = this.#with(line);
  }

  seeBook(stored: StoredEscrowBook): void {
    this.#book = decodeEscrowBook(stored);
  }

  problems(): string[] {
    const { escrowAtto = 0n, lines = 0, sums = NO_ESCROW_SUMS } = this.#book ?? {};
    const problems: string[] = [];
    if (this.#missing > 0 || this.#lines !== lines)
      problems.push(`the book of the escrow has ${lines} lines, and not all of them are there, or there are more`);
    const differing = Object.entries(sums).find(([kind, atto]) => this.#sums[kind as keyof EscrowSums] !== atto);
    if (differing !== undefined)
      problems.push(`the lines of the escrow's book do not add up to what it says of "${differing[0]}" (${formatFil(differing[1])})`);
    if (this.#book !== undefined && escrowBySums(sums) !== escrowAtto)
      problems.push(`the escrow's book says ${formatFil(escrowAtto)}, and its sums come to ${formatFil(escrowBySums(sums))}`);
    return problems;
  }

  /** With another wallet the book begins anew. */
  #with({ kind, atto }: EscrowLine): EscrowSums {
    const before = kind === 'opening' ? NO_ESCROW_SUMS : this.#sums;
    return { ...before, [kind]: before[kind] + atto };
  }
}
