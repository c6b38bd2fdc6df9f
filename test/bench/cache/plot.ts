/** Bars in groups, from 0 to 100 %. */
export interface BarPanel {
  title: string;
  groups: readonly { name: string; values: readonly number[] }[];
}

export interface BarPlot {
  title: string;
  /** What the values are: along the upright axis. */
  unit: string;
  /** What the groups are: along the other one. */
  groupsAre: string;
  /** One a value of each group. */
  series: readonly string[];
  panels: readonly BarPanel[];
}

const WIDTH = 1_400;
const LEFT = 70;
const RIGHT = 20;
const HEAD = 90;
const PANEL = 300;
/** Of a panel, above and below its bars. */
const PANEL_HEAD = 34;
const PANEL_FOOT = 56;
const BARS = PANEL - PANEL_HEAD - PANEL_FOOT;
const COLOURS = ['#8da0cb', '#a6a6a6', '#66c2a5', '#e5c494', '#e78ac3', '#d62728'] as const;

/** A drawing that needs nothing but a browser to be looked at. */
export function renderBars(plot: BarPlot): string {
  const height = HEAD + plot.panels.length * PANEL;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    text(WIDTH / 2, 34, plot.title, 'font-size="20" text-anchor="middle"'),
    ...legend(plot.series),
    ...plot.panels.flatMap((panel, index) => renderPanel(panel, plot, HEAD + index * PANEL)),
    '</svg>\n',
  ].join('\n');
}

function legend(series: readonly string[]): string[] {
  const step = 130;
  const left = (WIDTH - step * series.length) / 2;
  return series.flatMap((name, index) => {
    const x = left + index * step;
    return [`<rect x="${x}" y="56" width="14" height="14" fill="${colour(index)}"/>`, text(x + 20, 68, name)];
  });
}

function renderPanel({ title, groups }: BarPanel, { unit, groupsAre }: BarPlot, top: number): string[] {
  const base = top + PANEL_HEAD + BARS;
  const step = (WIDTH - LEFT - RIGHT) / groups.length;
  const middle = base - BARS / 2;
  return [
    text(LEFT, top + 20, title, 'font-size="15" font-weight="bold"'),
    text(18, middle, unit, `text-anchor="middle" transform="rotate(-90 18 ${middle})"`),
    ...[0, 20, 40, 60, 80, 100].flatMap((percent) => gridLine(percent, base)),
    ...groups.flatMap(({ name, values }, index) => renderGroup(name, values, LEFT + index * step, step, base)),
    text(LEFT + (WIDTH - LEFT - RIGHT) / 2, base + 42, groupsAre, 'text-anchor="middle"'),
  ];
}

function gridLine(percent: number, base: number): string[] {
  const y = base - (BARS * percent) / 100;
  const line = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="${percent === 0 ? '#333' : '#ddd'}"/>`;
  return [line, text(LEFT - 8, y + 4, String(percent), 'text-anchor="end"')];
}

function renderGroup(name: string, values: readonly number[], left: number, step: number, base: number): string[] {
  const width = (0.8 * step) / values.length;
  const bars = values.map((value, index) => {
    const high = (BARS * value) / 100;
    const x = left + 0.1 * step + index * width;
    const tip = `<title>${escaped(name)}: ${value.toFixed(1)}</title>`;
    return `<rect x="${x.toFixed(1)}" y="${(base - high).toFixed(1)}" width="${(width - 1).toFixed(1)}" height="${high.toFixed(1)}" fill="${colour(index)}">${tip}</rect>`;
  });
  return [...bars, text(left + step / 2, base + 18, name, 'text-anchor="middle"')];
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? 'black';
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
