/** In the place of media that could not be had: why, and another try. */

import type { Why } from "../../../matrix/media";
import { Icon } from "../../../ui/icon";
import { words } from "../../../words";

const w = words({
  missing: ["서버에 없습니다.", "It is not on the server."],
  refused: ["서버가 내주지 않습니다.", "The server does not give it."],
  unreachable: ["서버에 닿지 않습니다.", "The server cannot be reached."],
  altered: ["보낸 것과 달라서 열지 않았습니다.", "Not opened: it is not what was sent."],
  "too-large": ["이 브라우저에는 너무 큽니다.", "Too large for this browser."],
  insecure: ["암호화된 파일은 https 주소에서만 열립니다.", "Encrypted files open at an https address only."],
  again: ["다시 시도", "Try again"],
});

export function why(reason: Why): string {
  return w[reason];
}

export function Broken({ reason, retry }: { reason: Why; retry(): void }) {
  return (
    <span class="broken">
      <Icon name="broken" />
      <span class="quiet">{w[reason]}</span>
      <button type="button" class="plain" onClick={retry}>{w.again}</button>
    </span>
  );
}
