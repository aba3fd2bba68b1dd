import { type Metadata, status } from "@grpc/grpc-js";

import { type LocalLoads } from "../functionLoad";
import { isPeer, PEER_TOKEN_KEY } from "../peerToken";
import { type ActivateRequest, type GetLoadsResponse, type PeerLoad } from "../protocols/loads";
import { ScalerError } from "../scalerError";
import { wasActive } from "../totalLoads";
import { unary } from "./unary";

export interface LoadsServiceOptions {
  loads: LocalLoads;
  /** Tokens that are accepted. */
  tokens: () => readonly string[];
  /** A function has work without capacity on the replica that calls. */
  onActivate: (functionName: string) => void;
}

/** What the other replicas call. */
export function loadsService({ loads, tokens, onActivate }: LoadsServiceOptions) {
  const authenticate = (metadata: Metadata): void => {
    const given = String(metadata.get(PEER_TOKEN_KEY)[0] ?? "").split(",");
    if (!isPeer(given, tokens()))
      throw new ScalerError(status.UNAUTHENTICATED, `${PEER_TOKEN_KEY} is missing or not one of this gateway's`);
  };
  return {
    Get: unary<object, GetLoadsResponse>((_request, metadata) => {
      authenticate(metadata);
      const functions: PeerLoad[] = [];
      for (const name of loads.functions().keys()) {
        const load = loads.load(name);
        if (load === undefined) continue;
        const { held, running, instances } = load;
        const active = wasActive(load);
        if (active || held + running + instances.length > 0) functions.push({ name, held, running, active, instances });
      }
      return { functions };
    }),
    Activate: unary<ActivateRequest, object>(({ functions }, metadata) => {
      authenticate(metadata);
      for (const name of functions) onActivate(name);
      return {};
    }),
  };
}
