import { type EndpointPort } from "../../src/gateway/endpoints/endpointListener";

/** Any free port of loopback. */
export const ANY_PORT: EndpointPort = { host: "127.0.0.1", port: () => 0, side: "both" };
