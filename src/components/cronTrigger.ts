import * as pulumi from "@pulumi/pulumi";

import type { ArgumentNames } from "../platforms/argumentNames";
import { API_VERSION } from "../spec";
import type { CronDocument } from "../spec/documentTypes";
import { withDependencies } from "./dependencies";
import { Problems, requireComponent } from "./problems";
import { checkTrigger, createTrigger, type TriggerArgs } from "./trigger";

/** Arguments of {@link CronTrigger}. */
export interface CronTriggerArgs extends TriggerArgs<CronDocument> {
  /**
   * When it fires: five fields (minute, hour, day of month, month, day of week) or six with seconds first. A schedule
   * that never fires, such as one for 31 February, is an error.
   */
  schedule: string;
  /**
   * Time zone of the schedule, a name of the IANA database.
   * @default "UTC"
   */
  timezone?: string;
  /**
   * What happens to firings that fell into a time when no gateway ran: `skip` leaves them out, `latest` makes up for the
   * last one, `all` for each, up to 1000.
   * @default "skip"
   */
  missed?: "skip" | "latest" | "all";
  /**
   * Deliveries of a firing before it goes to the dead-letter queue, 1 to 100.
   * @default 3
   */
  maxDeliveries?: number;
}

const NAMES: ArgumentNames<CronTriggerArgs> = {
  function: true,
  regions: true,
  transform: true,
  schedule: true,
  timezone: true,
  missed: true,
  maxDeliveries: true,
};

/** A schedule: it invokes a function, in each region that the trigger is in. */
export class CronTrigger extends pulumi.ComponentResource {
  /** When it fires. */
  readonly schedule: pulumi.Output<string>;
  /** Time zone of the schedule. */
  readonly timezone: pulumi.Output<string>;

  /**
   * @param name - Lower-case letters, digits and dashes; at most 53 characters.
   * @throws ResourceError with all problems of the arguments.
   */
  constructor(name: string, args: CronTriggerArgs, opts?: pulumi.ComponentResourceOptions) {
    const label = `CronTrigger "${name}"`;
    requireComponent(label, "function", args?.function, "FullCodeFunction");
    const { schedule, timezone, missed, maxDeliveries, transform } = args;
    const problems = new Problems(label);
    problems.checkNames(args, NAMES);
    const regions = checkTrigger("CronTrigger", name, args, problems);
    const input = { kind: "Cron" as const, apiVersion: API_VERSION, name, function: args.function.name } as const;
    const document = problems.checkDocument({ ...input, schedule, timezone, missed, maxDeliveries });
    problems.throwIfAny();

    super("fullcode:index:CronTrigger", name, {}, withDependencies(opts));
    createTrigger(this, regions, { document: document!, transform });
    this.schedule = pulumi.output(schedule);
    this.timezone = pulumi.output(document!.timezone);
    this.registerOutputs({ schedule: this.schedule, timezone: this.timezone });
  }
}
