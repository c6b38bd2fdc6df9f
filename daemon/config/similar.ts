/**
 * The candidate that a mistyped name was most likely meant to be: the same last part in another section, or few edits away.
 * Undefined when nothing is near.
 */
export function closest(name: string, candidates: readonly string[]): string | undefined {
  const last = lastPart(name);
  const moved = candidates.find((candidate) => lastPart(candidate) === last);
  if (moved !== undefined) return moved;
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: Math.min(editDistance(name, candidate), editDistance(last, lastPart(candidate))) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= Math.max(1, Math.floor(last.length / 3)) ? best.candidate : undefined;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Levenshtein's distance: the fewest insertions, deletions and substitutions of one character. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substituted = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substituted, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
