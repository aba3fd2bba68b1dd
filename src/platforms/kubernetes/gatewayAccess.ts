import type * as pulumi from "@pulumi/pulumi";

import { GATEWAY_NAME } from "../../spec";
import type { CreatedObject, RegionObjects } from "./regionObjects";

/** What a watch takes: objects are read as a list first, and followed from there. None is read by its name. */
const FOLLOW = ["list", "watch"];

/** Lets gateways follow the documents and each other's addresses in their namespace, and nothing else. */
export function createGatewayAccess(
  objects: RegionObjects,
  name: string,
  namespace: string,
  parent: pulumi.Resource,
): CreatedObject[] {
  const identity = { objectName: GATEWAY_NAME, name: GATEWAY_NAME, component: "gateway" };
  const resource = `${name}.gateway`;
  const account = objects.create(
    "ServiceAccount",
    resource,
    identity,
    { automountServiceAccountToken: false },
    { parent },
  );
  const rules = [
    { apiGroups: [""], resources: ["configmaps"], verbs: FOLLOW },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: FOLLOW },
  ];
  const role = objects.create("Role", resource, identity, { rules }, { parent });
  const binding = {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: GATEWAY_NAME },
    subjects: [{ kind: "ServiceAccount", name: GATEWAY_NAME, namespace }],
  };
  const dependsOn = [account, role];
  return [account, objects.create("RoleBinding", resource, identity, binding, { parent, dependsOn })];
}
