/**
 * The addresses of all data centres: told by any of them in `/.well-known/matrix/client`, kept in this browser, so that
 * they are known when the one that would tell them is gone.
 */

import { textOf } from "./content";

export interface Site {
  name: string; // of the data centre; empty for the address of the page, which may stand for all of them
  url: string; // its origin, without a slash at the end
}

const KEPT = "bongsu.sites";
const SITES_MAX = 8;
const NAME_LENGTH_MAX = 40;

/** The page's own address first, then the others; what is no address, or less safe than the page, is left out. */
export function siteList(origin: string, told: readonly Site[]): Site[] {
  const own = told.find((site) => site.url === origin) ?? { name: "", url: origin };
  const others = told.filter((site) => site.url !== origin && !(isSafe(origin) && !isSafe(site.url)));
  return [own, ...others].slice(0, SITES_MAX);
}

/** The sites in an answer of `/.well-known/matrix/client`, whatever else it holds. */
export function sitesTold(answer: unknown): Site[] {
  const told = (answer as Record<string, unknown> | null)?.["org.bongsu.sites"];
  if (!Array.isArray(told)) return [];
  const found = new Map<string, Site>();
  for (const each of told as Record<string, unknown>[]) {
    const url = originOf(each?.base_url);
    if (url && !found.has(url)) found.set(url, { name: textOf(each.name).slice(0, NAME_LENGTH_MAX), url });
  }
  return [...found.values()];
}

export function keptSites(): Site[] {
  try {
    return sitesTold({ "org.bongsu.sites": JSON.parse(localStorage.getItem(KEPT) ?? "[]") });
  } catch {
    return [];
  }
}

export function keepSites(told: readonly Site[]): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify(told.map(({ name, url }) => ({ name, base_url: url }))));
  } catch {
    // a full or forbidden storage: they are learnt again at the next start
  }
}

function originOf(address: unknown): string | null {
  try {
    const url = new URL(String(address));
    return url.protocol === "https:" || url.protocol === "http:" ? url.origin : null;
  } catch {
    return null;
  }
}

function isSafe(origin: string): boolean {
  return origin.startsWith("https:");
}
