import { type Gateway, type GatewayOptions, type LogRecord } from "../../gateway/gatewayOptions";
import { CliError } from "../errors";
import { fileProblem } from "../fileErrors";
import { isPortTaken } from "./portProbe";
import { type LocalRegion, readRegionDocuments } from "./regionFolders";

export type StartGateway = (options: GatewayOptions) => Promise<Gateway>;

export interface RegionGatewaysOptions {
  projectFolder: string;
  /** Replaces instances when a function's code changes. */
  watchCode: boolean;
  onLog: (region: LocalRegion, record: LogRecord) => void;
  startGateway: StartGateway;
}

interface Running {
  region: LocalRegion;
  gateway: Gateway;
  port: number | undefined;
}

interface Wanted {
  region: LocalRegion;
  port: number | undefined;
}

/** What became of the regions that were asked for. */
export interface Reconciliation {
  started: LocalRegion[];
  stopped: LocalRegion[];
  /** One for each region that could not be started. */
  problems: CliError[];
}

/** The gateways of this process, one a region. */
export class RegionGateways {
  private readonly running = new Map<string, Running>();

  constructor(private readonly options: RegionGatewaysOptions) {}

  /** Base addresses by the regions' folders. */
  get urls(): ReadonlyMap<string, string> {
    return new Map([...this.running].map(([folder, { gateway }]) => [folder, gateway.url]));
  }

  /**
   * Starts the gateways of new regions, stops those of regions that are gone, moves those with another port, and has the
   * others serve what is on disk now. A region that cannot be started does not keep the others from it.
   */
  async reconcile(regions: readonly LocalRegion[]): Promise<Reconciliation> {
    const wanted = await Promise.all(regions.map(async (region) => ({ region, port: await this.wantedPort(region) })));
    const problems = await this.keepWhatCannotMove(wanted);
    const stays = ({ region, port }: Wanted): boolean =>
      wanted.some((each) => each.region.folder === region.folder && each.port === port);

    const leaving = [...this.running.values()].filter((each) => !stays(each));
    await Promise.all(leaving.map((each) => this.stop(each)));
    await Promise.all([...this.running.values()].map(({ gateway }) => gateway.reload()));
    const arriving = wanted.filter(({ region }) => !this.running.has(region.folder));
    const outcomes = await Promise.allSettled(arriving.map((each) => this.start(each)));

    const failures = outcomes.filter((outcome) => outcome.status === "rejected");
    const defect = failures.find(({ reason }) => !(reason instanceof CliError));
    if (defect !== undefined) throw defect.reason;
    return {
      started: arriving.map(({ region }) => region).filter(({ folder }) => this.running.has(folder)),
      stopped: leaving.map(({ region }) => region).filter(({ folder }) => !this.running.has(folder)),
      problems: [...problems, ...failures.map(({ reason }) => reason as CliError)],
    };
  }

  /** Answers what was accepted, then ends all instances. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.running.values()].map((each) => this.stop(each)));
  }

  /** A region whose document has become invalid stays where its last valid one has it. */
  private async wantedPort({ folder }: LocalRegion): Promise<number | undefined> {
    const { region } = await readRegionDocuments(folder);
    return region === undefined ? this.running.get(folder)?.port : region.port;
  }

  /** A region whose next port is another process's would be nowhere: it goes on where it is. */
  private async keepWhatCannotMove(wanted: Wanted[]): Promise<CliError[]> {
    const own = new Set([...this.running.values()].map(({ port }) => port));
    const problems: CliError[] = [];
    for (const each of wanted) {
      const running = this.running.get(each.region.folder);
      const { port } = each;
      if (running === undefined || port === undefined || own.has(port) || !(await isPortTaken(port))) continue;
      each.port = running.port;
      problems.push(
        new CliError(
          `Region ${each.region.label}: port ${port} is taken by another process, so the region stays at ${running.gateway.url}. ` +
            "Stop what listens there and deploy again, or give the region another port: local({ port: … }).",
        ),
      );
    }
    return problems;
  }

  private async start({ region, port }: Wanted): Promise<void> {
    const { projectFolder, watchCode, onLog, startGateway } = this.options;
    try {
      const gateway = await startGateway({
        folder: region.folder,
        projectFolder,
        watchCode,
        onLog: (record) => onLog(region, record),
      });
      this.running.set(region.folder, { region, gateway, port });
    } catch (error) {
      throw startProblem(error, region, port) ?? error;
    }
  }

  private async stop({ region, gateway }: Running): Promise<void> {
    this.running.delete(region.folder);
    await gateway.stop();
  }
}

/** One region or more that another process serves. */
export function servedElsewhere(regions: readonly LocalRegion[]): CliError {
  const subject = regions.length === 1 ? "Region" : "Regions";
  const verb = regions.length === 1 ? "is" : "are";
  return new CliError(
    `${subject} ${regions.map(({ label }) => label).join(", ")} ${verb} served by another process already. Stop that ` +
      `"fullcode dev" or "fullcode serve" first, or use another stack: --stack <name>.`,
  );
}

function startProblem(error: unknown, region: LocalRegion, port: number | undefined): CliError | undefined {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return new CliError(
      `Region ${region.label}: port ${port} is taken by another process. Stop what listens there (another ` +
        `"fullcode dev" or "fullcode serve"?), or give the region another port: local({ port: … }).`,
    );
  if (code === "EACCES" && syscall === "listen")
    return new CliError(`Region ${region.label}: port ${port} may not be used: ${message}.`);
  if ((error as Error).name === "StoreInUseError") return servedElsewhere([region]);
  if ((error as Error).name === "NoRegionError") return new CliError(`Region ${region.label}: ${message}`);
  if ((error as Error).name === "InvalidDocumentError") return new CliError(message);
  const problem = fileProblem(error, region.folder);
  return problem === undefined ? undefined : new CliError(`Region ${region.label}: ${problem}`);
}
