/** A taint of nodes that pods put up with. */
export interface Toleration {
  /**
   * Key of the taint.
   * @default every key; needs `operator: "Exists"`
   */
  key?: string;
  /**
   * Whether the taint's value has to be `value`, or only its key to be there.
   * @default "Equal"
   */
  operator?: "Equal" | "Exists";
  /**
   * Value of the taint, with `Equal`.
   * @default an empty one
   */
  value?: string;
  /**
   * Effect of the taint.
   * @default every effect
   */
  effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  /**
   * Seconds for which a taint of effect `NoExecute` is put up with.
   * @default for ever
   */
  tolerationSeconds?: number;
}

/** Behaviour of a HorizontalPodAutoscaler. */
export interface ScalingBehavior {
  /**
   * From few instances to more.
   * @default Kubernetes' own rules
   */
  scaleUp?: ScalingRules;
  /**
   * From many instances to fewer, but one: to none it goes by `scale.idle` of the function.
   * @default Kubernetes' own rules
   */
  scaleDown?: ScalingRules;
}

/** How fast a HorizontalPodAutoscaler scales in one direction. What is out of range is an error. */
export interface ScalingRules {
  /**
   * Seconds that past recommendations count for, 0 to 3600.
   * @default 0 to scale up, 300 to scale down
   */
  stabilizationWindowSeconds?: number;
  /**
   * Which policy counts: the one that changes most, the one that changes least, or none, so that nothing is scaled in this
   * direction.
   * @default "Max"
   */
  selectPolicy?: "Max" | "Min" | "Disabled";
  /**
   * How much may change in how long.
   * @default Kubernetes' own
   */
  policies?: readonly {
    /** What `value` counts. */
    type: "Pods" | "Percent";
    /** Pods, or percent of those that there are, a whole number from 1 on. */
    value: number;
    /** Seconds within which so much may change, 1 to 1800. */
    periodSeconds: number;
  }[];
}
