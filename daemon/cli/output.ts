/** A column of a table: its heading, and how a row shows in it. Numbers go to the right. */
export interface Column<T> {
  heading: string;
  cell: (row: T) => string;
  align?: 'left' | 'right';
}

/** Aligned columns with two spaces between them; the last is never padded. No rows give no text. */
export function renderTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  if (rows.length === 0) return '';
  const cells = [columns.map(({ heading }) => heading), ...rows.map((row) => columns.map(({ cell }) => printable(cell(row))))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => (line[index] ?? '').length)));
  const lines = cells.map((line) =>
    line
      .map((text, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === 'right' ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** `name: value` lines with the values in one column; a value that is undefined is left out. */
export function renderFields(fields: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = fields.filter((field): field is [string, string] => field[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${printable(value)}\n`).join('');
}

/** `2026-01-31 12:00:05Z` of an RFC 3339 time. */
export function formatTime(timestamp: string): string {
  return `${timestamp.slice(0, 10)} ${timestamp.slice(11, 19)}Z`;
}

/** For what something waits, without the word: where this is shown it is said already. */
export function waitedFor(text: string): string {
  return text.replace(/^waiting:? (for )?/, '');
}

/** `1 pin`, `2 pins`; `plural` where that is not an s more. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** Names come from clients: what would steer a terminal is shown, not obeyed. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
