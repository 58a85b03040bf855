export interface MarkerHit {
  readonly marker: string;
  readonly start: number;
  readonly end: number;
}

/** The first marker that occurs in `text`; where two begin together, the longer one. */
export function findMarker(text: string, markers: readonly string[]): MarkerHit | undefined {
  let best: MarkerHit | undefined;
  for (const marker of markers) {
    const start = text.indexOf(marker);
    if (start === -1) continue;
    const longer = start === best?.start && marker.length > best.marker.length;
    if (best === undefined || start < best.start || longer) {
      best = { marker, start, end: start + marker.length };
    }
  }
  return best;
}

/** How many characters at the end of `text` may be the beginning of a marker and must not be sent yet. */
export function heldBack(text: string, markers: readonly string[]): number {
  let held = 0;
  for (const marker of markers) {
    for (let length = Math.min(marker.length - 1, text.length); length > held; length -= 1) {
      if (text.endsWith(marker.slice(0, length))) {
        held = length;
        break;
      }
    }
  }
  return held;
}
