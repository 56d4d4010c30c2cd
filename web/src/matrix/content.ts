/** What others wrote into an event may be anything: these take what it should be, and nothing else. */

/** Empty for what is no text. An object is none, though it may name a `toString` of its own. */
export function textOf(given: unknown): string {
  return typeof given === "string" ? given : "";
}

/** Empty for what has no fields. */
export function recordOf(given: unknown): Record<string, unknown> {
  return typeof given === "object" && given !== null ? (given as Record<string, unknown>) : {};
}
