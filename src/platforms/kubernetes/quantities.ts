/** Quantities as Kubernetes writes them: what is written in another way comes back changed, and each deployment differs. */

const STORAGE = /^([1-9]\d{0,5})(Mi|Gi|Ti)$/;
const MIB_PER = { Mi: 1, Gi: 1024, Ti: 1024 * 1024 } as const;

/** MiB in the largest unit that leaves no fraction: 256 → `256Mi`, 1024 → `1Gi`. */
export function mebibytes(mib: number): string {
  const [unit, size] = Object.entries(MIB_PER).findLast(([, each]) => mib % each === 0) ?? ["Mi", 1];
  return `${mib / size}${unit}`;
}

/** CPU in cores: 0.25 → `250m`, 2 → `2`. */
export function cores(count: number): string {
  const milli = Math.max(1, Math.round(count * 1000));
  return milli % 1000 === 0 ? `${milli / 1000}` : `${milli}m`;
}

/** `10Gi` → MiB, or `undefined` for what is no such size. */
export function parseStorage(size: unknown): number | undefined {
  const [, digits, unit] = STORAGE.exec(String(size)) ?? [];
  return digits === undefined ? undefined : Number(digits) * MIB_PER[unit as keyof typeof MIB_PER];
}
