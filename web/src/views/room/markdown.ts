/**
 * What people write with stars and backticks, as the HTML that Matrix sends along: bold, italics, struck, code,
 * quotes, lists, links, and mentions as links to the person. Headings, tables, rules and HTML are left as typed: in a
 * chat they are nearly always an accident.
 */

import { Marked, type Token, type TokenizerAndRendererExtension, type Tokens } from "marked";

import { type Mention, ROOM } from "../../matrix/mentions";

const LINKED = /^(https?:\/\/|mailto:|matrix:)/i;
const PLAIN = new Set(["paragraph", "space", "text", "br"]);

/** Null where the text says the same without HTML. */
export function toHtml(text: string, mentions: readonly Mention[] = []): string | null {
  const marked = parser(mentions);
  const tokens = marked.lexer(text);
  let isFormatted = false;
  marked.walkTokens(tokens, (token) => {
    if (!PLAIN.has(token.type)) isFormatted = true;
  });
  if (!isFormatted) return null;
  return unwrapped(marked.parser(tokens).trim(), tokens);
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function parser(mentions: readonly Mention[]): Marked {
  const no = () => undefined;
  return new Marked({
    gfm: true,
    breaks: true,
    extensions: [mentionExtension(mentions.filter(({ userId }) => userId !== ROOM))],
    tokenizer: {
      heading: no, lheading: no, hr: no, table: no, def: no, reflink: no, html: no, tag: no, url: no,
      code: no, // four blanks before a line are no code; fences are
    },
    renderer: {
      link({ href, tokens }) {
        const shown = this.parser.parseInline(tokens);
        return LINKED.test(href) ? `<a href="${escapeHtml(href)}">${shown}</a>` : shown;
      },
      image: ({ raw }) => escapeHtml(raw),
      checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    },
  });
}

function mentionExtension(mentions: readonly Mention[]): TokenizerAndRendererExtension {
  const longestFirst = [...mentions].sort((a, b) => b.name.length - a.name.length);
  return {
    name: "mention",
    level: "inline",
    start(source) {
      const at = longestFirst.map(({ name }) => source.indexOf(`@${name}`)).filter((index) => index >= 0);
      return at.length ? Math.min(...at) : undefined;
    },
    tokenizer(source) {
      const found = longestFirst.find(({ name }) => source.startsWith(`@${name}`));
      return found && { type: "mention", raw: `@${found.name}`, ...found };
    },
    renderer: ({ userId, name }: Tokens.Generic) =>
      `<a href="https://matrix.to/#/${encodeURIComponent(userId as string)}">${escapeHtml(name as string)}</a>`,
  };
}

/** A single paragraph needs no <p> around it. */
function unwrapped(html: string, tokens: Token[]): string {
  const [first, ...rest] = tokens.filter(({ type }) => type !== "space");
  return first?.type === "paragraph" && !rest.length ? html.replace(/^<p>|<\/p>$/g, "") : html;
}
