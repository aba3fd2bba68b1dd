/** Quantities as Kubernetes writes them: what is written in another way comes back changed, and each deployment differs. */

const STORAGE = /^([1-9]\d{0,5})(Mi|Gi|Ti)$/;
const MIB_PER = { Mi: 1, Gi: 1024, Ti: 1024 * 1024 } as const;

/** Memory in MiB: 256 → `256Mi`, 1024 → `1Gi`. */
export function mebibytes(mib: number): string {
  return mib % 1024 === 0 ? `${mib / 1024}Gi` : `${mib}Mi`;
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
