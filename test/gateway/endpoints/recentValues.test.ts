import { RecentValues } from "../../../src/gateway/endpoints/recentValues";

test("what is asked for stays, however many other values come; the others are forgotten", () => {
  const values = new RecentValues<number>(100);
  values.set("in use", -1);
  for (let i = 0; i < 1_000; i++) {
    values.set(String(i), i);
    if (i % 50 === 0) expect(values.get("in use")).toBe(-1);
  }
  const kept = Array.from({ length: 1_000 }, (_, i) => values.get(String(i))).filter((value) => value !== undefined);
  expect(kept.at(-1)).toBe(999);
  expect(kept.length).toBeLessThanOrEqual(200);
});

test("a value that is deleted is gone, whatever its age", () => {
  const values = new RecentValues<number>(1);
  values.set("old", 1);
  values.set("young", 2);
  for (const key of ["old", "young"]) {
    values.delete(key);
    expect(values.get(key)).toBeUndefined();
  }
});
