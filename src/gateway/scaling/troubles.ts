export type ScalerLog = (level: "info" | "warn" | "error", message: string) => void;

/** Says that something fails when it begins to, and that it works again: not at each of many attempts between. */
export class Troubles {
  private readonly failing = new Set<string>();

  constructor(private readonly onLog: ScalerLog) {}

  failed(what: string, message: string): void {
    if (this.failing.has(what)) return;
    this.failing.add(what);
    this.onLog("warn", message);
  }

  works(what: string, message: string): void {
    if (this.failing.delete(what)) this.onLog("info", message);
  }

  forget(what: string): void {
    this.failing.delete(what);
  }
}
