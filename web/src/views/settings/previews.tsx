/** Where previews of linked pages are shown: the server reads the page, and so learns the address. */

import { type Wanted, want, wanted } from "../../matrix/previews";
import { words } from "../../words";

const w = words({
  title: ["링크 미리보기", "Link previews"],
  plain: ["암호화되지 않은 대화에서 보기", "Show in chats that are not encrypted"],
  encrypted: ["암호화된 대화에서도 보기", "Show in encrypted chats too"],
  hint: [
    "미리보기는 서버가 페이지를 읽어 만듭니다. 암호화된 대화에서 켜면 서버가 그 링크의 주소를 알게 됩니다.",
    "The server reads the page to make a preview. In encrypted chats that tells the server which addresses are linked there.",
  ],
});

export function Previews() {
  return (
    <section class="card" id="previews" aria-labelledby="previews-title">
      <h2 id="previews-title" tabIndex={-1}>{w.title}</h2>
      <Where where="plain" />
      <Where where="encrypted" />
      <p class="quiet">{w.hint}</p>
    </section>
  );
}

function Where({ where }: { where: keyof Wanted }) {
  return (
    <label class="choice">
      <input type="checkbox" checked={wanted.value[where]} onChange={({ currentTarget }) => want({ ...wanted.peek(), [where]: currentTarget.checked })} />
      {w[where]}
    </label>
  );
}
