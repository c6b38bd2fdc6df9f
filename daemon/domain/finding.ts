/** What one look of `fbpd doctor` found. `warn` works but is worth knowing; `fail` is to be mended. */
export interface Finding {
  /** The config key, or the part of the machine. */
  about: string;
  state: 'ok' | 'warn' | 'fail';
  /** What it is, and what to do about it. */
  text: string;
}
