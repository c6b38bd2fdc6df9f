/** One measured number, beside what it is to be compared with. */
export interface Figure {
  name: string;
  value: number;
  unit: 'ms' | 'µs' | '/s' | 'B' | 'MB' | 'MiB/s' | '%' | 'points' | '×' | 's';
  /** The same work without us, measured in the same run. */
  baseline?: { name: string; value: number };
  /** What to reach: at least, or at most. */
  wanted?: { atLeast: number } | { atMost: number };
  /** What else was seen: percentiles, counts, bytes. */
  more?: Readonly<Record<string, number>>;
}

/** Undefined when nothing is wanted of it. */
export function isReached({ value, wanted }: Figure): boolean | undefined {
  if (wanted === undefined) return undefined;
  return 'atLeast' in wanted ? value >= wanted.atLeast : value <= wanted.atMost;
}

/** The q-th quantile of the values by nearest rank; `q` from 0 to 1. NaN of nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** Three significant digits are more than any of these figures is worth. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value;
}

export function roundedFigure(figure: Figure): Figure {
  const { value, baseline, more } = figure;
  return {
    ...figure,
    value: rounded(value),
    ...(baseline === undefined ? {} : { baseline: { ...baseline, value: rounded(baseline.value) } }),
    ...(more === undefined ? {} : { more: Object.fromEntries(Object.entries(more).map(([name, number]) => [name, rounded(number)])) }),
  };
}

/** For people: a line a figure. */
export function renderTable(figures: readonly Figure[]): string {
  const rows = figures.map(roundedFigure).map((figure) => {
    const { name, value, unit, baseline, wanted, more } = figure;
    const reached = isReached(figure);
    const mark = reached === undefined ? ' ' : reached ? '✔' : '✘';
    const aim = wanted === undefined ? '' : 'atLeast' in wanted ? `≥ ${rounded(wanted.atLeast)}` : `≤ ${rounded(wanted.atMost)}`;
    const beside = baseline === undefined ? '' : `${baseline.name}: ${baseline.value}`;
    const rest = Object.entries(more ?? {})
      .map(([key, number]) => `${key} ${number}`)
      .join(', ');
    return [mark, name, `${value} ${unit}`, aim, [beside, rest].filter((text) => text !== '').join('; ')];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}
