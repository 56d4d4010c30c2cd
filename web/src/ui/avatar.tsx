/** A person's or a room's picture; until there is one, the first letter on a colour of its own. */

const HUES = 12;

export function Avatar({ name, id }: { name: string; id: string }) {
  return (
    <span class="avatar" data-hue={hash(id) % HUES} aria-hidden="true">
      {[...name.replace(/^[@#!]/, "")][0]?.toUpperCase() ?? "?"}
    </span>
  );
}

function hash(text: string): number {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)!) >>> 0;
  return sum;
}
