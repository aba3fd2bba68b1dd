/** A taint of nodes that pods put up with. */
export interface Toleration {
  key?: string;
  /** @default "Equal" */
  operator?: "Equal" | "Exists";
  value?: string;
  /** @default every effect */
  effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  /** How long it is put up with, for `NoExecute`. */
  tolerationSeconds?: number;
}

/** Behaviour of a HorizontalPodAutoscaler. */
export interface ScalingBehavior {
  scaleUp?: ScalingRules;
  scaleDown?: ScalingRules;
}

/** How fast a HorizontalPodAutoscaler scales in one direction. */
export interface ScalingRules {
  /** Seconds that past recommendations count for, 0 to 3600. */
  stabilizationWindowSeconds?: number;
  /** Which policy counts: the one that changes most, the one that changes least, or none. */
  selectPolicy?: "Max" | "Min" | "Disabled";
  policies?: readonly {
    type: "Pods" | "Percent";
    /** Pods, or percent of them, at least 1. */
    value: number;
    /** 1 to 1800. */
    periodSeconds: number;
  }[];
}
