/**
 * A short stable hash of plain data (FNV-1a, 64 bits, over JSON with sorted keys), for telling one
 * plan from another. Not for security: nothing trusts it.
 */
export function planHash(value: unknown): string {
  const text = JSON.stringify(value, sortKeys) ?? "";
  // Offset basis and prime: http://www.isthe.com/chongo/tech/comp/fnv/
  let hash = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= BigInt(text.charCodeAt(index));
    hash = (hash * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, "0");
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
