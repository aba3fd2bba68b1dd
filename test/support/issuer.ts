import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";

import { exportJWK, generateKeyPair, type JWK, type KeyLike, SignJWT } from "jose";

/** How the key set is served. */
type Serving = (response: ServerResponse, keySet: string) => void;

const serve: Serving = (response, keySet) => response.end(keySet);

/** An issuer of session tokens, which publishes its keys by HTTP. */
export class Issuer {
  /** How the keys are served from now on. */
  serving = serve;
  /** How often the keys were asked for. */
  fetches = 0;
  private readonly keys = new Map<string, { privateKey: KeyLike; jwk: JWK }>();

  private readonly withdrawn = new Set<string>();

  private constructor(private readonly server: Server) {}

  /** An issuer with one key, `first`. */
  static async start(): Promise<Issuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const issuer = new Issuer(server);
    server.on("request", (_request, response: ServerResponse) => {
      issuer.fetches++;
      issuer.serving(response, JSON.stringify({ keys: issuer.published() }));
    });
    await issuer.addKey("first");
    return issuer;
  }

  get jwksUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/keys`;
  }

  async addKey(kid: string): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    this.keys.set(kid, { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256" } });
  }

  /** Publishes the key no longer, though tokens can be signed with it. */
  withdrawKey(kid: string): void {
    this.withdrawn.add(kid);
  }

  private published(): JWK[] {
    return [...this.keys.values()].map(({ jwk }) => jwk).filter(({ kid }) => !this.withdrawn.has(kid!));
  }

  /** Serves the keys as an issuer should. */
  recover(): void {
    this.serving = serve;
  }

  /** A token that no gateway has seen yet. */
  token(kid = "first"): Promise<string> {
    return new SignJWT({})
      .setProtectedHeader({ alg: "ES256", kid })
      .setSubject("user-1")
      .setJti(String(Math.random()))
      .setExpirationTime("2d")
      .sign(this.keys.get(kid)!.privateKey);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
