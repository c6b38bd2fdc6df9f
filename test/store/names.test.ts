import test from 'ava';
import fc from 'fast-check';

import { NAME_MATCHES, type NameMatch } from '../../daemon/domain/pin.ts';
import { foldColumn, foldName, maskNames, type NameColumn, nameFilter } from '../../daemon/store/pins/names.ts';

test('folding ignores case, the way accents are written, and the final form of sigma', (t) => {
  t.is(foldName('Report.PDF'), foldName('rEPORT.pdf'));
  t.is(foldName('caf\u00e9'), foldName('CAFE\u0301'));
  t.is(foldName('ΟΔΟΣ'), foldName('οδος'));
  t.is(foldName('ОТЧЁТ'), foldName('отчёт'));
  t.not(foldName('cafe'), foldName('café'));
});

test('a hit that spans two names is none', (t) => {
  t.deepEqual(matching(['ab', 'cd', 'bc'], 'bc', 'partial'), ['bc']);
  t.deepEqual(matching(['aab', 'ab'], 'ab', 'partial'), ['aab', 'ab']);
});

test('every match agrees with the plain definition, for any names', (t) => {
  const name = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'B'), maxLength: 6 }),
    fc.string({ unit: fc.constantFrom('a', 'É', 'é', 'e', '\u0301', 'Σ', 'ς', 'σ', 'ß', 'İ', '😀', '漢'), maxLength: 6 }),
    fc.string({ unit: 'grapheme', maxLength: 10 }),
  );
  fc.assert(
    fc.property(fc.array(name, { maxLength: 12 }), name, fc.constantFrom(...NAME_MATCHES), (names, needle, match) => {
      const expected = names.filter((candidate) => matches(candidate, needle, match));
      t.deepEqual(matching(names, needle, match), expected);
    }),
    { numRuns: 500 },
  );
});

/** What the four matches mean, in so many words. */
function matches(name: string, needle: string, match: NameMatch): boolean {
  switch (match) {
    case 'exact':
      return name === needle;
    case 'partial':
      return name.includes(needle);
    case 'iexact':
      return foldName(name) === foldName(needle);
    case 'ipartial':
      return foldName(name).includes(foldName(needle));
  }
}

function matching(names: readonly string[], needle: string, match: NameMatch): string[] {
  const filter = nameFilter(needle, match);
  const column = columnOf(names);
  const mask = new Uint8Array(names.length).fill(1);
  maskNames(filter.fold ? foldColumn(column, Buffer.alloc(4)) : column, filter, mask);
  return names.filter((_name, row) => mask[row] === 1);
}

function columnOf(names: readonly string[]): NameColumn {
  const bytes = Buffer.from(names.join(''));
  let end = 0;
  const ends = Uint32Array.from(names, (name) => {
    end += Buffer.byteLength(name);
    return end;
  });
  return { bytes, ends, rows: names.length, ascii: bytes.every((byte) => byte < 0x80) };
}
