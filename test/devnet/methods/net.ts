import { RpcError } from '../errors.ts';
import { type MethodTable, method } from './method.ts';
import { asText } from './params.ts';

export const NET_METHODS: MethodTable = {
  NetPeers: method('read', 0, ({ providers, faults }) =>
    providers
      .list()
      .filter(({ id }) => faults.ofProvider(id).dead !== true)
      .map(({ peerId, multiaddrs }) => ({ ID: peerId, Addrs: multiaddrs })),
  ),
  /** 1 is connected, 0 is not. */
  NetConnectedness: method('read', 1, ({ providers, faults }, [peerId]) => {
    const provider = providers.list().find((one) => one.peerId === asText(peerId));
    return provider !== undefined && faults.ofProvider(provider.id).dead !== true ? 1 : 0;
  }),
  NetFindPeer: method('read', 1, ({ providers }, [peerId]) => {
    const provider = providers.list().find((one) => one.peerId === asText(peerId));
    if (provider === undefined) throw new RpcError(1, 'routing: not found');
    return { ID: provider.peerId, Addrs: provider.multiaddrs };
  }),
};
