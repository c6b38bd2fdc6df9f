import type { Deal } from '../domain/deal.ts';
import { sameDomain } from './providers.ts';

type Held = Pick<Deal, 'provider' | 'domain'>;

/**
 * How many copies these deals come to: those of one provider, or in one failure domain, are one. A copy and its renewal are
 * with one provider while they overlap, and would be lost together.
 */
export function independentCopies(deals: readonly Held[]): number {
  let copies: Held[][] = [];
  for (const deal of deals) {
    const own = copies.filter((copy) => copy.some((other) => isOneCopy(other, deal)));
    copies = [...copies.filter((copy) => !own.includes(copy)), [...own.flat(), deal]];
  }
  return copies.length;
}

function isOneCopy(a: Held, b: Held): boolean {
  return a.provider === b.provider || sameDomain(a.domain, b.domain);
}
