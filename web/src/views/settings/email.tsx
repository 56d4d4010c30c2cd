/** The e-mail addresses of the account: what they are, a way to add one and to remove one. */

import { useSignal } from "@preact/signals";
import type { AuthDict } from "matrix-js-sdk";
import { useEffect, useRef } from "preact/hooks";

import { addAddress, ADDRESSES_MAX, type EmailAddresses, emailAddresses, letter, removeAddress } from "../../matrix/email-addresses";
import { PasswordDialog } from "../../ui/password-dialog";
import { ask, tell } from "../../ui/question";
import { type Acting, useAct } from "../../ui/use-act";
import { words } from "../../words";
import { AskForLetter } from "./email-ask";
import { LetterSent } from "./email-letter";
import { emailWords } from "./email-words";

const w = words({
  title: ["이메일", "E-mail"],
  loading: ["불러오는 중…", "Loading…"],
  again: ["다시 시도", "Try again"],
  none: [
    "이메일 주소를 등록하면 비밀번호를 잊어도 다시 정할 수 있고, 아이디 대신 그 주소로 로그인할 수 있습니다.",
    "With an e-mail address you can set a new password if you forget yours, and sign in by it instead of your username.",
  ],
  noMail: [
    "이 서버는 메일을 보내지 않아 이메일 주소를 등록할 수 없습니다. 비밀번호를 잊으면 운영자에게 문의하세요.",
    "This server sends no mail, so no e-mail address can be added. If you forget your password, ask the operator.",
  ],
  full: [`이메일 주소는 ${ADDRESSES_MAX}개까지 등록할 수 있습니다.`, `An account holds ${ADDRESSES_MAX} e-mail addresses at most.`],
  remove: ["지우기", "Remove"],
  removeNamed: [(address: string) => `${address} 지우기`, (address: string) => `Remove ${address}`],
  removeText: [
    "이 주소로는 더 로그인하거나 비밀번호를 다시 정할 수 없게 됩니다.",
    "You can no longer sign in by it, or set a new password by it.",
  ],
  removeLast: [
    "마지막 주소입니다. 비밀번호를 잊으면 다시 정할 길이 없어집니다.",
    "It is the last one: there will be no way to set a new password if you forget yours.",
  ],
  removed: ["이메일 주소를 지웠습니다.", "The e-mail address has been removed."],
  add: ["이메일 주소 등록", "Add the e-mail address"],
  addText: [(address: string) => `${address} 주소를 계정에 등록합니다.`, (address: string) => `${address} will belong to your account.`],
  addYes: ["등록", "Add"],
  added: ["이메일 주소를 등록했습니다.", "The e-mail address has been added."],
});

export function Email() {
  const heading = useRef<HTMLHeadingElement>(null);
  const { busy, wrong, run } = useAct(emailWords);
  const known = useSignal<EmailAddresses | null>(null);
  const proving = useSignal(""); // the address for which the password is asked
  const load = async () => {
    known.value = await emailAddresses();
  };
  useEffect(() => void run(load), []);

  const leadBack = () => heading.current?.focus(); // what had the focus is gone
  const remove = async (address: string, isLast: boolean) => {
    const text = isLast ? w.removeLast : w.removeText;
    if (!(await ask({ title: w.removeNamed(address), text, yes: w.remove, danger: true }))) return;
    await run(async () => {
      await removeAddress(address);
      await load();
      tell(w.removed);
      leadBack();
    });
  };
  const add = async (auth: AuthDict) => {
    await addAddress(auth);
    tell(w.added);
    void run(load).then(leadBack);
  };

  const { addresses, mayChange } = known.value ?? { addresses: [], mayChange: false };
  return (
    <section class="card" id="email" aria-labelledby="email-title">
      <h2 id="email-title" ref={heading} tabIndex={-1}>{w.title}</h2>
      {!known.value && !wrong && <p class="quiet" role="status">{w.loading}</p>}
      {addresses.length > 0 && (
        <ul class="addresses">
          {addresses.map((address) => (
            <li key={address} class="row">
              <span dir="ltr">{address}</span>
              {mayChange && (
                <button aria-label={w.removeNamed(address)} onClick={() => void remove(address, addresses.length === 1)}>
                  {w.remove}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {known.value && <Another known={known.value} busy={busy} run={run} prove={(address) => (proving.value = address)} />}
      {wrong && <p class="error" role="alert">{wrong} {!known.value && <button onClick={() => void run(load)}>{w.again}</button>}</p>}
      {proving.value && (
        <PasswordDialog
          title={w.add} text={w.addText(proving.value)} yes={w.addYes} danger={false} inWords={emailWords}
          act={add} onClose={() => (proving.value = "")}
        />
      )}
    </section>
  );
}

interface Shown extends Pick<Acting, "busy" | "run"> {
  known: EmailAddresses;
  prove(address: string): void; // by the password, the link having been opened
}

/** The way to another address: the step one is at, or why there is none. */
function Another({ known: { addresses, mayChange }, prove, ...acting }: Shown) {
  const pressed = useRef(false);
  const sent = letter.value;
  if (!mayChange) return <p class="quiet">{w.noMail}</p>;
  if (sent) return <LetterSent letter={sent} onConfirmed={() => prove(sent.email)} {...acting} pressed={pressed} />;
  if (addresses.length >= ADDRESSES_MAX) return <p class="quiet">{w.full}</p>;
  return (
    <>
      {!addresses.length && <p class="quiet">{w.none}</p>}
      <AskForLetter own={addresses} {...acting} pressed={pressed} />
    </>
  );
}
