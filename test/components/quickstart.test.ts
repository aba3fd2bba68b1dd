import { readFileSync } from "node:fs";
import { join } from "node:path";

import { declareProgram } from "../support/declareProgram";

const URNS = join(__dirname, "quickstart.urns.txt");
const root = join(__dirname, "..", "..");

describe("the quickstart's resources", () => {
  const before = process.cwd();
  beforeAll(() => process.chdir(join(root, "examples", "quickstart")));
  afterAll(() => process.chdir(before));

  test("keep their URNs: a changed one needs an alias, or deployed resources are replaced", async () => {
    const { resources } = await declareProgram(() => jest.requireActual<object>("../../examples/quickstart"), {
      project: "quickstart",
    });
    const urns = resources.map(({ urn }) => urn);
    expect(urns).toEqual(readFileSync(URNS, "utf8").trim().split("\n"));
  });
});
