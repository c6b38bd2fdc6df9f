/** What became of the tests of a run. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** Reads TAP as it comes, keeping count; `show` gets a line for every test, and the diagnostics of those that failed. */
export class TapReader {
  readonly tally: Tally = { passed: 0, failed: 0, skipped: 0 };
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
      if (remark || (this.#diagnosing && line.startsWith(' '))) this.#show(line);
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
      this.#show(`✘ ${title}`);
    }
  }
}

/** The last line of every run, for people and for machines. */
export function summary({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
