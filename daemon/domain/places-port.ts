/** Where the hosts that a provider announces lead to. */
export interface HostsLook {
  /** Literal addresses that may be dialled, of all of them together. */
  addresses: readonly string[];
  /** Hosts of which that could not be found out now. */
  lost: readonly string[];
}

export type Place = { country: string } | { unknown: string };

/** In which country a provider is, by its addresses. Rejects only when the signal fires. */
export interface Places {
  look(hosts: readonly string[], signal: AbortSignal): Promise<HostsLook>;
  /** Undefined when nothing can be said now, as a name could not be looked up: what was known before holds. */
  placeOf(look: HostsLook): Promise<Place | undefined>;
}
