/** How sure one is of a person: confirmed or not, changed or not; and the way to be sure. For the card of a person. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CryptoEvent, type UserVerificationStatus } from "matrix-js-sdk/lib/crypto-api";

import { matrix } from "../../matrix/client";
import { crypto, encryption } from "../../matrix/crypto";
import { verifyPerson } from "../../matrix/crypto-verification";
import { tell } from "../../ui/question";
import { words } from "../../words";
import { open } from "./open";
import "./encryption.css";

const w = words({
  confirmed: ["확인된 사람입니다.", "You have confirmed this person."],
  changed: [
    "이 사람의 신원이 바뀌었습니다. 기기를 새로 마련했을 수도, 다른 사람일 수도 있습니다.",
    "This person's identity has changed. They may have a new device, or be somebody else.",
  ],
  confirm: ["서로 확인하기", "Confirm each other"],
  accept: ["그대로 믿기", "Trust it anyway"],
  failed: ["요청을 보내지 못했습니다.", "The request could not be sent."],
  notTaken: ["저장하지 못했습니다. 다시 시도해 주세요.", "It could not be saved. Please try again."],
});

/** `roomId` is an encrypted chat with that person, in which to ask; without one nothing can be asked. */
export function PersonTrust({ userId, roomId }: { userId: string; roomId?: string }) {
  const trust = useSignal<UserVerificationStatus | null>(null);
  const { phase, verified } = encryption.value;
  useEffect(() => {
    if (phase !== "ready" || userId === matrix().getUserId()) return;
    const client = matrix();
    const look = () => void crypto().getUserVerificationStatus(userId).then((now) => (trust.value = now), () => undefined);
    const changed = (who: string) => void (who === userId && look());
    look();
    client.on(CryptoEvent.UserTrustStatusChanged, changed);
    return () => void client.off(CryptoEvent.UserTrustStatusChanged, changed);
  }, [userId, phase]);

  const now = trust.value;
  if (!now?.known) return null;
  if (now.isCrossSigningVerified()) return <div class="person-trust"><p class="good">✓ {w.confirmed}</p></div>;
  const changed = now.needsUserApproval || now.wasCrossSigningVerified();
  return (
    <div class="person-trust">
      {changed && <p class="error" role="alert">{w.changed}</p>}
      {changed && <button onClick={() => void approve(userId, now)}>{w.accept}</button>}
      {verified && roomId && <button onClick={() => void ask(userId, roomId)}>{w.confirm}</button>}
    </div>
  );
}

async function approve(userId: string, now: UserVerificationStatus): Promise<void> {
  try {
    if (now.wasCrossSigningVerified()) await crypto().withdrawVerificationRequirement(userId);
    else await crypto().pinCurrentUserIdentity(userId);
  } catch (error) {
    console.warn("the new identity was not taken:", error);
    tell(w.notTaken);
  }
}

async function ask(userId: string, roomId: string): Promise<void> {
  try {
    await verifyPerson(userId, roomId);
    open("verify");
  } catch (error) {
    console.warn("no verification was asked for:", error);
    tell(w.failed);
  }
}
