import type { EgressRule } from "../egress";

/** What may connect to a region's pods, and they to. Policies add up: others of the namespace can only open more. */
export interface NetworkPolicyArgs {
  /**
   * Where all functions may connect to. What one function needs is better declared by its own `egress`.
   * @default nowhere
   */
  egress?: readonly EgressRule[];
  /**
   * Namespace of the ingress controller. Then only its pods may connect to what is published, and only the region's own
   * functions to the Service `gateway`.
   * @default anybody may
   */
  ingressNamespace?: string;
  /**
   * Namespace of KEDA.
   * @default "keda"
   */
  kedaNamespace?: string;
  /**
   * Ports of the API server itself, 1 to 65535, which gateways connect to beside 443, that of its Service:
   * `kubectl get endpointslices -n default` shows them. MicroK8s has 16443, minikube 8443.
   * @default [6443]
   */
  apiServerPorts?: readonly number[];
  /**
   * Ports of the pods that answer for DNS, 1 to 65535. Most networks compare the pod's port, not that of its Service:
   * OpenShift has 5353, Gardener 8053.
   * @default [53]
   */
  dnsPorts?: readonly number[];
}
