/** An address to give to others: to read, to copy, to hand on by the phone's own sheet, or as a code for a camera. */

import { Icon } from "./icon";
import { QrCode } from "./qr-code";
import { tell } from "./question";
import { words } from "../words";
import "./share.css";

const w = words({
  address: ["초대 주소", "Invitation address"],
  copy: ["주소 복사", "Copy the address"],
  copied: ["주소를 복사했습니다.", "The address was copied."],
  select: ["복사할 수 없습니다. 주소를 골라 직접 복사해 주세요.", "It cannot be copied here. Please select the address and copy it."],
  share: ["공유", "Share"],
});

export function Share({ address, title, code }: { address: string; title: string; code: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(address);
      tell(w.copied);
    } catch {
      tell(w.select); // not allowed, or a page without TLS
    }
  };
  return (
    <div class="share">
      <QrCode text={address} label={code} />
      <input readOnly aria-label={w.address} value={address} onFocus={(event) => event.currentTarget.select()} />
      <p class="ways">
        <button onClick={copy}><Icon name="copy" /> {w.copy}</button>
        {"share" in navigator && (
          <button onClick={() => void navigator.share({ title, url: address }).catch(() => undefined)}>{w.share}</button>
        )}
      </p>
    </div>
  );
}
