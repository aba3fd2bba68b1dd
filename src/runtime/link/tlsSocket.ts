import { type OnReadOpts } from "node:net";
import { type ConnectionOptions, type SecureContext, type TLSSocket } from "node:tls";

import { LINK_TLS } from "../../link/linkTls";
import { splitAddress } from "../../link/addresses";

/** Time after which the operating system asks a gateway that is silent whether it is there. */
const KEEP_ALIVE_MS = 5_000;

/** What an instance proves by that it belongs to its function. */
export interface LinkKey {
  identity: string;
  key: Buffer;
}

/** Makes links to gateways in other pods. `node:tls` is loaded by the first one: a local instance has no use for it. */
export class TlsConnector {
  private context: SecureContext | undefined;

  constructor(private readonly linkKey: LinkKey) {}

  /** @param address - `ip:port` */
  connect(address: string, onread: OnReadOpts, onSecured: () => void): TLSSocket {
    const { connect, createSecureContext } = process.getBuiltinModule("node:tls");
    // without authorities the ones that Node.js comes with would be loaded, which takes longer than the handshake
    this.context ??= createSecureContext({ ...LINK_TLS, ca: [] });
    const { identity, key } = this.linkKey;
    // the types lack what tls.connect() passes on to the socket
    const options: ConnectionOptions & { onread: OnReadOpts } = {
      ...splitAddress(address),
      ...LINK_TLS,
      secureContext: this.context,
      pskCallback: () => ({ psk: key, identity }),
      // only asked where the other side shows a certificate in place of the key
      checkServerIdentity: () => new Error("it does not have the key that a gateway has"),
      onread,
    };
    const socket = connect(options);
    socket.once("secureConnect", onSecured);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return socket;
  }
}
