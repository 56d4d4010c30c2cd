/**
 * A browser may forbid a page to keep anything, and then throws wherever storage is but named. What would be kept is
 * remembered until the page is closed instead. To be imported by whatever reads storage first.
 */

const methods = {
  getItem(this: Record<string, string>, key: string): string | null {
    return Object.hasOwn(this, key) ? this[key]! : null;
  },
  setItem(this: Record<string, string>, key: string, text: string): void {
    this[key] = String(text);
  },
  removeItem(this: Record<string, string>, key: string): void {
    delete this[key];
  },
  clear(this: Record<string, string>): void {
    for (const key of Object.keys(this)) delete this[key];
  },
  key(this: Record<string, string>, place: number): string | null {
    return Object.keys(this)[place] ?? null;
  },
  get length(): number {
    return Object.keys(this).length;
  },
};

/** As `Storage` is: what is kept are its own fields. */
export function storageInMemory(): Storage {
  return Object.create(methods) as Storage;
}

export function isForbidden(name: "localStorage" | "sessionStorage"): boolean {
  try {
    return !window[name];
  } catch {
    return true;
  }
}

for (const name of ["localStorage", "sessionStorage"] as const) {
  if (isForbidden(name)) Object.defineProperty(window, name, { value: storageInMemory() });
}
