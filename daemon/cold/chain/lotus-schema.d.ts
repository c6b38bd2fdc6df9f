/** The package comes without types. The methods of one API, by name without the namespace. */
declare module '@filecoin-shipyard/lotus-client-schema' {
  export type MethodSchema = { readonly subscription?: boolean; readonly namespace?: string };
  export const mainnet: { readonly fullNode: { readonly methods: Readonly<Record<string, MethodSchema>> } };
}
