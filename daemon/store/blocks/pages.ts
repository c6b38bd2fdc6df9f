import type { Range } from '../../domain/ports.ts';
import { collect } from '../pins/collect.ts';

/**
 * A range, some rows at a time, each page a read of its own: no snapshot is held while the caller writes. A page begins behind
 * the last row of the one before, so that LevelDB need not pass over what the caller has deleted there.
 */
export async function* pagesOf<Row>(
  read: (range: Range) => AsyncIterable<Row>,
  keyOf: (row: Row) => string,
  { gte, lt }: { gte: string; lt: string },
  rows: number,
): AsyncGenerator<Row[], void, void> {
  let from: Range = { gte };
  for (;;) {
    const page: Row[] = await collect(read({ ...from, lt, limit: rows }));
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    from = { gt: keyOf(last) };
  }
}
