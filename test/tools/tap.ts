/** What became of the tests of a run. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** Reads TAP as it comes, keeping count; `show` gets a line for every test, and the diagnostics of those that failed. */
export class TapReader {
  readonly tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  /** What was shown of each test that failed, a text each: its title, then its diagnostics. */
  readonly failures: string[] = [];
  readonly #show: (line: string) => void;
  #rest = '';
  #diagnosing = false;

  constructor(show: (line: string) => void) {
    this.#show = show;
  }

  push(chunk: string): void {
    const lines = `${this.#rest}${chunk}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  end(): void {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
  }

  #line(line: string): void {
    const result = /^(not )?ok \d+(?: - (.*))?$/.exec(line);
    if (result === null) {
      const remark = line.startsWith('# ') && !/^# (tests|pass|fail|skip|todo) \d+$/.test(line);
      const diagnostic = this.#diagnosing && line.startsWith(' ');
      if (diagnostic) this.failures.push(`${this.failures.pop()}\n${line}`);
      if (remark || diagnostic) this.#show(line);
      return;
    }
    const title = result[2] ?? '';
    this.#diagnosing = false;
    if (/ # (SKIP|TODO)\b/i.test(title)) {
      this.tally.skipped++;
      this.#show(`- ${title}`);
    } else if (result[1] === undefined) {
      this.tally.passed++;
      this.#show(`✔ ${title}`);
    } else {
      this.tally.failed++;
      this.#diagnosing = true;
      this.failures.push(`✘ ${title}`);
      this.#show(`✘ ${title}`);
    }
  }
}

const RECAP_LINES = 20;

/** What failed, again and shortened: a long run's own lines are far above its end, and of some only the end is kept. */
export function recap(failures: readonly string[]): string {
  return failures.map((failure) => `${shortened(failure)}\n`).join('');
}

function shortened(failure: string): string {
  const lines = failure.trimEnd().split('\n');
  const left = lines.length - RECAP_LINES;
  return left > 0 ? [...lines.slice(0, RECAP_LINES), `  … ${left} more lines above`].join('\n') : lines.join('\n');
}

/** The last line of every run, for people and for machines. */
export function summary({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
