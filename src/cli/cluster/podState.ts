import { type V1ContainerState, type V1Pod } from "@kubernetes/client-node";

/** What of a pod matters to a person who waits for it. */
export interface PodState {
  name: string;
  /** Differs between pods of the same name. */
  uid: string;
  ready: boolean;
  /** Its container runs, ready or not. */
  running: boolean;
  /** It runs, or ran before: it may have said something. */
  ran: boolean;
  /** It was told to end. */
  terminating: boolean;
  /** In a sentence's part: why it is not ready. */
  reason: string;
  /** The reason does not go away by waiting. */
  stuck: boolean;
}

/** Reasons to wait that belong to every start. */
const STARTING = new Set(["ContainerCreating", "PodInitializing"]);

export function podState(pod: V1Pod): PodState {
  const { metadata, status } = pod;
  const condition = (type: string) => status?.conditions?.find((each) => each.type === type);
  const containers = status?.containerStatuses ?? [];
  const terminating = metadata?.deletionTimestamp !== undefined;
  const ready = condition("Ready")?.status === "True" && !terminating;
  return {
    name: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    ready,
    running: containers.some(({ state }) => state?.running !== undefined),
    ran: containers.some(
      ({ state, lastState }) => (state?.running ?? state?.terminated ?? lastState?.terminated) !== undefined,
    ),
    terminating,
    ...(ready ? { reason: "ready", stuck: false } : whyNot(pod, terminating)),
  };
}

function whyNot({ status }: V1Pod, terminating: boolean): Pick<PodState, "reason" | "stuck"> {
  if (terminating) return { reason: "it is ending", stuck: false };
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const { state, lastState } of containers) {
    const reason = containerReason(state, lastState);
    if (reason !== undefined) return { reason, stuck: true };
  }
  const scheduled = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False")
    return { reason: `${scheduled.reason ?? "Unschedulable"}: ${scheduled.message ?? ""}`, stuck: true };
  if (status?.phase === "Failed")
    return {
      reason: [status.reason ?? "Failed", status.message].filter((part) => part !== undefined).join(": "),
      stuck: true,
    };
  if (containers.some(({ state }) => state?.running !== undefined))
    return { reason: "it runs, but is not ready", stuck: false };
  return { reason: "it is starting", stuck: false };
}

function containerReason(state: V1ContainerState | undefined, last: V1ContainerState | undefined): string | undefined {
  const { waiting, terminated } = state ?? {};
  if (waiting?.reason !== undefined && !STARTING.has(waiting.reason)) {
    const before = last?.terminated;
    const detail =
      before === undefined
        ? waiting.message
        : `its last run ended with exit code ${before.exitCode} (${before.reason ?? "Error"})`;
    return detail === undefined ? waiting.reason : `${waiting.reason}: ${detail}`;
  }
  if (terminated !== undefined && terminated.exitCode !== 0)
    return `it ended with exit code ${terminated.exitCode} (${terminated.reason ?? "Error"})`;
  return undefined;
}
