const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** 98362432 → `98.4 MB`: decimal units, as disks and networks are sold. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
