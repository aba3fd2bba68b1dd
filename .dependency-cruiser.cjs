// Imports point one way: components → platforms → image, code, spec; cli → gateway → runtime, code, link, spec; runtime → link, spec.
const only = (room, ...allowed) => ({
  name: `${room}-imports`,
  comment: `src/${room} may import from: ${[room, ...allowed].join(", ")}`,
  severity: "error",
  from: { path: `^src/${room}/` },
  to: { path: "^src/", pathNot: `^src/(${[room, ...allowed].join("|")})/` },
});

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    only("spec"),
    only("link", "spec"),
    only("code", "spec"),
    only("image", "code", "spec"),
    only("runtime", "link", "spec"),
    only("gateway", "runtime", "link", "code", "spec"),
    only("platforms", "image", "code", "link", "spec"),
    only("components", "platforms", "code", "spec"),
    only("cli", "gateway", "platforms", "code", "spec", "link"),
    {
      name: "no-pulumi-in-the-data-plane",
      severity: "error",
      from: { path: "^src/(spec|link|code|gateway|runtime)/" },
      to: { path: "node_modules/@pulumi/" },
    },
    {
      name: "no-schemas-in-an-instance",
      comment: "an instance's cold start pays for every module it loads: of src/spec, constants and types only",
      severity: "error",
      from: { path: "^src/(runtime|link)/" },
      to: { path: "^src/spec/", pathNot: "^src/spec/(limits|documentFiles|handlerTypes|instances)\\.ts$" },
    },
    {
      name: "no-circles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  },
};
