import { cores, mebibytes, parseStorage } from "../../../src/platforms/kubernetes/quantities";

test.each([
  [64, "64Mi"],
  [1000, "1000Mi"],
  [1024, "1Gi"],
  [1536, "1536Mi"],
  [32 * 1024, "32Gi"],
  [1024 * 1024, "1Ti"],
])("%p MiB are %p", (mib, quantity) => expect(mebibytes(mib)).toBe(quantity));

test.each([
  [0.01, "10m"],
  [0.25, "250m"],
  [1, "1"],
  [1.5, "1500m"],
  [256, "256"],
])("%p cores are %p", (count, quantity) => expect(cores(count)).toBe(quantity));

test.each([
  ["10Gi", 10_240],
  ["512Mi", 512],
  ["2Ti", 2 * 1024 * 1024],
  ["0Gi", undefined],
  ["10", undefined],
  ["10G", undefined],
  ["1.5Gi", undefined],
  [10, undefined],
])("a size of %p has %p MiB", (size, mib) => expect(parseStorage(size)).toBe(mib));
