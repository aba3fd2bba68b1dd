// Loaded with `--require` by a process that is profiled. Records from SIGUSR2 to the process' end, so that a profile
// holds what a warm process does, not how it started.
const { Session } = require("node:inspector");
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");

const { PROFILE_FOLDER: folder, PROFILE_INTERVAL_MICROSECONDS: interval } = process.env;

process.once("SIGUSR2", () => {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: Number(interval) });
  session.post("Profiler.start");
  process.once("exit", () => {
    session.post("Profiler.stop", (error, result) => {
      if (error === null) writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(result.profile));
    });
  });
});
