/** Two devices make sure of each other: what the person sees at each step. */

import { useEffect } from "preact/hooks";

import { accept, byEmoji, different, leave, same, type Verifying, verifying } from "../../matrix/crypto-verification";
import { matrix } from "../../matrix/client";
import { Dialog } from "../../ui/dialog";
import { later } from "../../ui/later";
import { QrCode } from "../../ui/qr-code";
import { words } from "../../words";
import { emojiName } from "./emoji";
import { shut } from "./open";

const w = words({
  ownTitle: ["내 기기 확인", "Confirm your device"],
  personTitle: [(name: string) => `${name} 님과 서로 확인`, (name: string) => `Confirm ${name}`],
  askingOwn: [
    "이미 로그인된 다른 기기를 열고, 거기에 뜬 요청을 받아 주세요.",
    "Open a device where you are signed in already, and accept the request that it shows.",
  ],
  asking: [(name: string) => `${name} 님이 받기를 기다리는 중입니다…`, (name: string) => `Waiting for ${name} to accept…`],
  asked: ["다른 쪽이 서로 확인하자고 합니다.", "The other side asks to confirm each other."],
  agree: ["받기", "Accept"],
  choose: ["어떻게 확인할까요?", "How shall the two be compared?"],
  show: ["다른 기기의 카메라로 이 코드를 찍으세요.", "Scan this code with the camera of the other device."],
  code: ["확인용 QR 코드", "QR code to confirm"],
  emojiWay: ["그림 문자로 비교", "Compare emoji"],
  starting: ["준비하는 중…", "Getting ready…"],
  compare: ["두 화면의 그림 문자가 순서까지 똑같은가요?", "Do both screens show the same emoji, in the same order?"],
  same: ["똑같아요", "They match"],
  different: ["달라요", "They do not match"],
  scanned: ["다른 기기가 코드를 찍었습니다. 그 화면에 초록 방패나 '성공'이 보이나요?", "The other device scanned the code. Does it say that it worked?"],
  yes: ["네, 보여요", "Yes, it does"],
  no: ["아니요", "No"],
  waiting: ["다른 쪽의 확인을 기다리는 중…", "Waiting for the other side…"],
  doneOwn: ["확인되었습니다. 이 두 기기는 서로를 믿습니다.", "Confirmed. These two devices trust each other now."],
  done: [(name: string) => `확인되었습니다. ${name} 님이 맞습니다.`, (name: string) => `Confirmed. It really is ${name}.`],
  mismatch: [
    "그림 문자가 달랐습니다. 누군가 사이에서 엿보려 했을 수 있습니다. 두 기기의 연결과 상대를 살핀 뒤 다시 시도하세요.",
    "The two did not match. Somebody may be trying to listen in between. Make sure who and where the other device is, then try again.",
  ],
  declined: ["다른 쪽에서 거절했거나 창을 닫았습니다. 확인되지 않았습니다.", "The other side declined or closed it. Nothing was confirmed."],
  elsewhere: ["내 다른 기기에서 이미 받았습니다. 거기서 이어 가세요.", "Another device of yours has answered. Please go on there."],
  late: ["너무 오래 기다려 끝났습니다. 두 기기를 모두 켜 둔 채 다시 시도하세요.", "It took too long. Please try again with both devices at hand."],
  unsupported: ["두 기기가 함께 아는 확인 방법이 없습니다. 다른 기기나 복구 키로 확인해 주세요.", "The two share no way to compare. Please use another device or the recovery key."],
  failed: ["확인이 중간에 끊겼습니다. 연결을 살핀 뒤 다시 시도해 주세요.", "It broke off on the way. Please check the connection and try again."],
  close: ["닫기", "Close"],
});

const Scanner = later(() => import("./scanner").then((part) => part.Scanner));

export function Verify() {
  const talk = verifying.value;
  useEffect(() => () => void leave(), []);
  useEffect(() => void (talk || shut()), [talk]);
  if (!talk) return null;
  const title = talk.own ? w.ownTitle : w.personTitle(nameOf(talk.userId));
  return (
    <Dialog title={title} onClose={shut}>
      <div class="verify" aria-live="polite">{step(talk)}</div>
    </Dialog>
  );
}

function step(talk: Verifying) {
  switch (talk.step) {
    case "asked":
      return <><p>{w.asked}</p><div class="answers"><button class="primary" onClick={() => void accept()}>{w.agree}</button></div></>;
    case "asking":
      return <p>{talk.own ? w.askingOwn : w.asking(nameOf(talk.userId))}</p>;
    case "choose":
      return <Choice talk={talk} />;
    case "starting":
      return <p>{w.starting}</p>;
    case "emoji":
      return <Emoji emoji={talk.emoji} />;
    case "scanned":
      return <Question text={w.scanned} yes={w.yes} no={w.no} />;
    case "waiting":
      return <p>{w.waiting}</p>;
    case "done":
      return <End text={talk.own ? w.doneOwn : w.done(nameOf(talk.userId))} good />;
    default:
      return <End text={w[talk.step]} />;
  }
}

function Choice({ talk }: { talk: Verifying }) {
  return (
    <>
      <p>{w.choose}</p>
      {talk.code && <figure><QrCode text={[...talk.code]} label={w.code} /><figcaption>{w.show}</figcaption></figure>}
      {talk.canScan && <Scanner />}
      {talk.canCompare && <button class="primary wide" onClick={() => void byEmoji()}>{w.emojiWay}</button>}
    </>
  );
}

function Emoji({ emoji }: { emoji: Verifying["emoji"] }) {
  return (
    <>
      <ol class="emoji">
        {emoji.map(([symbol, name]) => <li><span aria-hidden="true">{symbol}</span>{emojiName(name)}</li>)}
      </ol>
      <Question text={w.compare} yes={w.same} no={w.different} />
    </>
  );
}

function Question({ text, yes, no }: { text: string; yes: string; no: string }) {
  return (
    <>
      <p>{text}</p>
      <div class="answers">
        <button class="danger" onClick={different}>{no}</button>
        <button class="primary" onClick={() => void same()}>{yes}</button>
      </div>
    </>
  );
}

function End({ text, good }: { text: string; good?: boolean }) {
  return (
    <>
      <p class={good ? "good" : "error"} role="alert">{text}</p>
      <div class="answers"><button class="primary" onClick={shut}>{w.close}</button></div>
    </>
  );
}

function nameOf(userId: string): string {
  return matrix().getUser(userId)?.displayName ?? userId;
}
