/** A new device: by which way is it to be confirmed? */

import { encryption } from "../../matrix/crypto";
import { hasConfirmedDevice, verifyOwnDevice } from "../../matrix/crypto-verification";
import { Dialog } from "../../ui/dialog";
import { tell } from "../../ui/question";
import { useAnswer } from "../../ui/use-answer";
import { words } from "../../words";
import { open, shut } from "./open";

const w = words({
  title: ["이 기기 확인", "Confirm this device"],
  text: ["이 기기가 내 것임을 어떻게 확인할까요?", "How would you like to show that this device is yours?"],
  other: ["다른 기기로 확인", "From another device"],
  otherText: ["이미 로그인된 기기에서 그림 문자를 비교하거나 QR 코드를 찍습니다.", "Compare emoji with a device where you are signed in, or scan a QR code."],
  none: ["지금은 확인해 줄 수 있는 다른 기기가 없습니다.", "There is no other device that could confirm this one."],
  key: ["복구 키로 확인", "With the recovery key"],
  keyText: ["보관해 둔 복구 키를 입력합니다.", "Enter the key that you kept."],
  neither: ["둘 다 없어요", "I have neither"],
  failed: ["요청을 보내지 못했습니다. 잠시 뒤 다시 시도해 주세요.", "The request could not be sent. Please try again in a moment."],
});

export function ConfirmDevice() {
  const other = useAnswer("devices", hasConfirmedDevice);
  return (
    <Dialog title={w.title} onClose={shut}>
      <p>{w.text}</p>
      <ul class="ways">
        <li>
          {other.value === false
            ? <p class="quiet">{w.none}</p>
            : <button onClick={() => void ask()}><strong>{w.other}</strong><span class="quiet">{w.otherText}</span></button>}
        </li>
        {encryption.value.recovery === "made" && (
          <li>
            <button onClick={() => open("enter-key")}><strong>{w.key}</strong><span class="quiet">{w.keyText}</span></button>
          </li>
        )}
      </ul>
      <button class="plain lost" onClick={() => open("reset")}>{w.neither}</button>
    </Dialog>
  );
}

async function ask(): Promise<void> {
  try {
    await verifyOwnDevice();
    open("verify");
  } catch (error) {
    console.warn("no device was asked:", error);
    tell(w.failed);
  }
}
