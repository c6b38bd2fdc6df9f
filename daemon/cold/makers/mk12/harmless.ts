const CHARS_MAX = 300;

/** What somebody else says, fit to be logged and shown: of bounded length, on one line, without controls. */
export function harmless(text: string): string {
  const clean = text
    .slice(0, 4 * CHARS_MAX)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\s]+/gu, ' ')
    .trim();
  return clean.length > CHARS_MAX ? `${clean.slice(0, CHARS_MAX)}…` : clean;
}
