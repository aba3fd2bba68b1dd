import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT_FOLDER = fileURLToPath(new URL("../..", import.meta.url));
const sourceMaps = new Map();

/**
 * Self time of each function in V8 CPU profiles, without the time that was spent idle.
 *
 * @returns `{ where, milliseconds, share }` a function, the largest first; places are those of the source, not of `dist/`.
 */
export function selfTimes(files) {
  const byPlace = new Map();
  for (const file of files) addProfile(JSON.parse(readFileSync(file, "utf8")), byPlace);
  byPlace.delete("(idle)");
  const busy = [...byPlace.values()].reduce((sum, each) => sum + each, 0);
  return [...byPlace]
    .map(([where, microseconds]) => ({ where, milliseconds: microseconds / 1000, share: microseconds / busy }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

function addProfile({ nodes, samples, timeDeltas }, byPlace) {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  for (const [i, id] of samples.entries()) {
    const place = places.get(id);
    byPlace.set(place, (byPlace.get(place) ?? 0) + timeDeltas[i]);
  }
}

function placeOf({ functionName, url, lineNumber, columnNumber }) {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  if (!url.startsWith("file:") && !url.startsWith("/")) return `${name} ${url}:${lineNumber + 1}`;
  const file = url.startsWith("file:") ? fileURLToPath(url) : url;
  const source = sourceMapOf(file)?.findEntry(lineNumber, columnNumber);
  if (source?.originalSource === undefined) return `${name} ${relative(PROJECT_FOLDER, file)}:${lineNumber + 1}`;
  const original = resolve(dirname(file), source.originalSource);
  return `${name} ${relative(PROJECT_FOLDER, original)}:${source.originalLine + 1}`;
}

function sourceMapOf(file) {
  if (!sourceMaps.has(file)) {
    const map = `${file}.map`;
    const isMapped = existsSync(map) && readFileSync(file, "utf8").includes("//# sourceMappingURL=");
    sourceMaps.set(file, isMapped ? new SourceMap(JSON.parse(readFileSync(map, "utf8"))) : undefined);
  }
  return sourceMaps.get(file);
}
