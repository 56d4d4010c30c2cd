/** Addresses that lead into Matrix: `https://matrix.to/#/…` and `matrix:…`. */

export interface MatrixLink {
  id: string; // of a person, or a room's id or alias
  eventId?: string;
  via: string[];
}

const KINDS: Record<string, string> = { u: "@", r: "#", roomid: "!" };

export function parseMatrixLink(href: string): MatrixLink | undefined {
  const [path, query] = (/^https?:\/\/matrix\.to\/#\/(.+)$/i.exec(href)?.[1] ?? fromUri(href) ?? "").split("?", 2);
  const [id = "", eventId] = (path ?? "").split("/").map(decoded);
  if (!/^[@#!].+/.test(id)) return undefined;
  const via = new URLSearchParams(query).getAll("via");
  return { id, via, ...(eventId?.startsWith("$") ? { eventId } : {}) };
}

function fromUri(href: string): string | undefined {
  const found = /^matrix:(u|r|roomid)\/([^/?#]+)(?:\/e\/([^/?#]+))?(\?[^#]*)?/i.exec(href);
  if (!found) return undefined;
  const [, kind = "", id = "", event, query = ""] = found;
  return `${KINDS[kind.toLowerCase()]}${id}${event ? `/$${event}` : ""}${query}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
