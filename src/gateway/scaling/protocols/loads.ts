import { type MethodDefinition } from "@grpc/grpc-js";

import { defineService } from "./service";

/** Load of one function on the replica that answers. */
export interface PeerLoad {
  name: string;
  held: number;
  running: number;
  /** An invocation of any kind was held or running within `RECENTLY_MS`. */
  active: boolean;
  /** Ids of the instances that are linked to the replica. */
  instances: string[];
}

export interface GetLoadsResponse {
  /** Functions without load, activity or instances are left out. */
  functions: PeerLoad[];
}

export interface ActivateRequest {
  /** Names of functions that have work without capacity on the replica that calls. */
  functions: string[];
}

export type LoadsMethods = {
  readonly Get: MethodDefinition<object, GetLoadsResponse>;
  readonly Activate: MethodDefinition<ActivateRequest, object>;
};

/** What the replicas of one gateway tell each other. Fields may be added: replicas of two versions meet in each rollout. */
export const loads = defineService<LoadsMethods>("fullcode.gateway.v1", "Loads", {
  Loads: {
    methods: {
      Get: { requestType: "GetRequest", responseType: "GetResponse" },
      Activate: { requestType: "ActivateRequest", responseType: "ActivateResponse" },
    },
  },
  GetRequest: { fields: {} },
  GetResponse: { fields: { functions: { rule: "repeated", type: "FunctionLoad", id: 1 } } },
  FunctionLoad: {
    fields: {
      name: { type: "string", id: 1 },
      held: { type: "uint32", id: 2 },
      running: { type: "uint32", id: 3 },
      active: { type: "bool", id: 4 },
      instances: { rule: "repeated", type: "string", id: 5 },
    },
  },
  ActivateRequest: { fields: { functions: { rule: "repeated", type: "string", id: 1 } } },
  ActivateResponse: { fields: {} },
});
