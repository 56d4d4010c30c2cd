/** What encryption lays over the page: its dialogs, and the question of another device that wants to be confirmed. */

import { matrix } from "../../matrix/client";
import { accept, leave, verifying } from "../../matrix/crypto-verification";
import { later } from "../../ui/later";
import { words } from "../../words";
import { asked, open } from "./open";
import "./card.css";

const w = words({
  own: ["내 다른 기기가 확인을 요청합니다.", "Another device of yours asks to be confirmed."],
  person: [(name: string) => `${name} 님이 서로 확인하자고 합니다.`, (name: string) => `${name} asks you to confirm each other.`],
  look: ["확인하기", "Confirm"],
  no: ["거절", "Decline"],
});

const Dialogs = later(() => import("./dialogs").then((part) => part.Dialogs));

export function EncryptionOver() {
  const question = verifying.value;
  return (
    <>
      {asked.value && <Dialogs asked={asked.value} />}
      {question?.step === "asked" && !asked.value && (
        <div class="encryption-ask" role="alert">
          <p>{question.own ? w.own : w.person(nameOf(question.userId))}</p>
          <div class="answers">
            <button class="plain" onClick={() => void leave()}>{w.no}</button>
            <button class="primary" onClick={() => void agree()}>{w.look}</button>
          </div>
        </div>
      )}
    </>
  );
}

async function agree(): Promise<void> {
  open("verify");
  await accept();
}

function nameOf(userId: string): string {
  return matrix().getUser(userId)?.displayName ?? userId;
}
