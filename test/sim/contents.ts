/** So many contents there are in a story. */
export const CONTENTS = 6;
/** Providers know the bytes of so many. */
export const KNOWN_CONTENTS = 8;
