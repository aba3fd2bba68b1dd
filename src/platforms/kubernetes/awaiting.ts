/** Annotations that tell the provider what to wait for. */

/** Nothing: the object is of use before it is complete, or something else waits for the same. */
export const SKIP_AWAIT = { "pulumi.com/skipAwait": "true" };

/**
 * An address, and not the Service's pods as well: these become ready when the gateway knows its region's document, and the
 * document has the address.
 */
export const WAIT_FOR_ADDRESS = { "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress}" };
