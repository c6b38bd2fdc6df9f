import { formatDuration, formatSize } from '../domain/units.ts';

/** Where a bar is drawn: standard error, or what a test reads. */
export interface Screen {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  write(text: string): unknown;
}

export interface ProgressOptions {
  /** What is going on, as `uploading`. */
  label: string;
  /** Undefined where nobody knows how much it will be. */
  totalBytes?: number | undefined;
  screen: Screen;
  /** Nothing is shown. */
  quiet: boolean;
  /** Milliseconds that only go forward. */
  nowMs?: () => number;
}

export interface Progress {
  /** Bytes so far. */
  update(bytes: number): void;
  /** Instead of bytes, on the same line. */
  say(text: string): void;
  /** Takes the bar away. Idempotent. */
  end(): void;
}

const REDRAW_MS = 100;
const LINE_MS = 5_000;
/** The rate is that of the last seconds, or the time left would follow from what was an hour ago. */
const RATE_WINDOW_MS = 10_000;
const BAR_CELLS = 24;
const COLUMNS = 80;
const CLEAR = '\r\u001B[K';

/** How far it is: redrawn in place on a terminal, elsewhere a line every few seconds. */
export function createProgress(options: ProgressOptions): Progress {
  const { label, totalBytes, screen, quiet } = options;
  const nowMs = options.nowMs ?? (() => performance.now());
  const rate = createRate(nowMs());
  const isTerminal = screen.isTTY === true;
  const everyMs = isTerminal ? REDRAW_MS : LINE_MS;
  let shownAtMs = isTerminal ? Number.NEGATIVE_INFINITY : nowMs();
  let shown = '';

  function show(text: string): void {
    if (quiet || nowMs() - shownAtMs < everyMs || (!isTerminal && text === shown)) return;
    shownAtMs = nowMs();
    shown = text;
    screen.write(isTerminal ? CLEAR + text.slice(0, (screen.columns ?? COLUMNS) - 1) : `${text}\n`);
  }

  return {
    update(bytes) {
      show(describe(label, bytes, totalBytes, rate.at(bytes, nowMs()), isTerminal));
    },
    say(text) {
      show(text);
    },
    end() {
      if (isTerminal && shown !== '') screen.write(CLEAR);
      shown = '';
    },
  };
}

function describe(label: string, bytes: number, totalBytes: number | undefined, perSecond: number, withBar: boolean): string {
  const speed = `${formatSize(Math.round(perSecond))}/s`;
  if (totalBytes === undefined) return `${label}  ${formatSize(bytes)}  ${speed}`;
  // A total that was an estimate may be passed, and is not reached before the end.
  const part = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
  const left = perSecond > 0 && part < 1 ? `  ${formatDuration(1_000 * Math.ceil((totalBytes - bytes) / perSecond))} left` : '';
  const cells = Math.floor(part * BAR_CELLS);
  const bar = withBar ? `[${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}] ` : '';
  return `${label}  ${bar}${Math.floor(part * 100)} %  ${formatSize(bytes)} of ${formatSize(totalBytes)}  ${speed}${left}`;
}

function createRate(beganMs: number): { at(bytes: number, nowMs: number): number } {
  let marks = [{ bytes: 0, atMs: beganMs }];
  return {
    at(bytes, nowMs) {
      const last = marks.at(-1);
      if (last !== undefined && nowMs - last.atMs >= REDRAW_MS) marks.push({ bytes, atMs: nowMs });
      marks = marks.filter(({ atMs }, i) => nowMs - atMs <= RATE_WINDOW_MS || i === marks.length - 1);
      const [first] = marks;
      const elapsedMs = first === undefined ? 0 : nowMs - first.atMs;
      return first === undefined || elapsedMs < REDRAW_MS ? 0 : (1_000 * (bytes - first.bytes)) / elapsedMs;
    },
  };
}
