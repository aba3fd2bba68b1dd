import type { EgressRule } from "../egress";

/** What may connect to a region's pods, and they to. Policies add up: others of the namespace can only open more. */
export interface NetworkPolicyArgs {
  /**
   * Where all functions may connect to. What one function needs is better declared by its own `egress`.
   * @default nowhere
   */
  egress?: readonly EgressRule[];
  /**
   * Namespace of the ingress controller, which alone may connect to the endpoints then.
   * @default anybody may
   */
  ingressNamespace?: string;
  /**
   * Namespace of KEDA.
   * @default "keda"
   */
  kedaNamespace?: string;
}
