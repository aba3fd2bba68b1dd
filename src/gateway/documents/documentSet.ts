import {
  type CronDocument,
  type Document,
  type FunctionDocument,
  type QueueDocument,
  type RegionDocument,
  type RouteDocument,
} from "../../spec";

/** The documents of a region at one moment, and what was wrong with those that are left out or served as they were. */
export interface DocumentSet {
  region: RegionDocument | undefined;
  functions: FunctionDocument[];
  routes: RouteDocument[];
  queues: QueueDocument[];
  crons: CronDocument[];
  problems: string[];
}

/** Why a region can do nothing, if so. */
export function idleReason({ functions, routes, queues, crons }: DocumentSet): string | undefined {
  if (functions.length === 0) return "there are no functions: nothing will run here";
  if (routes.length + queues.length + crons.length > 0) return undefined;
  return "there are no endpoints, queues or crons: functions can be run by `fullcode invoke` only";
}

/** Sorts documents by kind and leaves out triggers whose function there is not. */
export function documentSet(documents: Iterable<Document>, problems: readonly string[]): DocumentSet {
  const set: DocumentSet = {
    region: undefined,
    functions: [],
    routes: [],
    queues: [],
    crons: [],
    problems: [...problems],
  };
  const byKind = { Function: set.functions, Route: set.routes, Queue: set.queues, Cron: set.crons } as Record<
    Exclude<Document["kind"], "Region">,
    Document[]
  >;
  for (const document of documents) {
    if (document.kind === "Region") set.region = document;
    else byKind[document.kind].push(document);
  }
  const functions = new Set(set.functions.map(({ name }) => name));
  const hasFunction = (trigger: RouteDocument | QueueDocument | CronDocument) => {
    if (functions.has(trigger.function)) return true;
    set.problems.push(`${trigger.kind} "${trigger.name}" is left out: there is no function "${trigger.function}"`);
    return false;
  };
  set.routes = set.routes.filter(hasFunction);
  set.queues = set.queues.filter(hasFunction);
  set.crons = set.crons.filter(hasFunction);
  return set;
}
