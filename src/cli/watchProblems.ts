import { type FSWatcher } from "chokidar";

/** Says what a watcher cannot watch, each problem once: what it can watch, it goes on to. */
export function reportOnce(watcher: FSWatcher, folder: string, onProblem: (message: string) => void): void {
  const told = new Set<string>();
  watcher.on("error", (error) => {
    const { message } = error as Error;
    if (told.has(message)) return;
    told.add(message);
    onProblem(`${folder} cannot be watched: ${message}. Changes may not be seen.`);
  });
}
