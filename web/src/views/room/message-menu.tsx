/**
 * The menu of a message: quick reactions, and what one may do with it. At the pointer on a screen, at the foot of the
 * page on a phone; arrows walk in it, Escape leaves it.
 */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { EmojiPicker } from "../../ui/emoji-picker";
import { Icon, type IconName } from "../../ui/icon";
import { words } from "../../words";
import { menu, type OpenMenu } from "./here";
import { act, type Action, actionsOf } from "./message-actions";
import { react } from "./reactions";
import "./message-menu.css";

const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const MARGIN_PIXELS = 8;
const SHEET_BELOW_PIXELS = 560; // narrower pages show it at their foot

const w = words({
  title: ["메시지 메뉴", "Message menu"],
  react: ["반응", "React"],
  emoji: ["다른 이모지", "Another emoji"],
  reply: ["답장", "Reply"],
  thread: ["스레드로 답하기", "Reply in a thread"],
  edit: ["수정", "Edit"],
  copy: ["글 복사", "Copy text"],
  link: ["메시지 주소 복사", "Copy link to message"],
  forward: ["다른 대화로 전달", "Forward"],
  pin: ["고정", "Pin"],
  unpin: ["고정 풀기", "Unpin"],
  readers: ["읽은 사람", "Who has read it"],
  history: ["수정 기록", "Edits"],
  report: ["신고", "Report"],
  delete: ["삭제", "Delete"],
});

const SIGNS: Record<Action, IconName> = {
  reply: "reply", thread: "thread", edit: "edit", copy: "copy", link: "link", forward: "next", pin: "pin", unpin: "pin",
  readers: "check", history: "retry", report: "warning", delete: "remove",
};

export function MessageMenu() {
  return menu.value && <Opened key={menu.value.row.key} open={menu.value} />;
}

function Opened({ open }: { open: OpenMenu }) {
  const { here, row } = open;
  const box = useRef<HTMLDialogElement>(null);
  const choosing = useSignal(false);
  const pressed = useRef(false); // within the menu: the finger that held the message is lifted over it, and chooses nothing
  const close = () => (menu.value = null);
  const actions = actionsOf(here, row);

  useLayoutEffect(() => {
    const dialog = box.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      const isTaken = document.activeElement !== document.body && !dialog.contains(document.activeElement); // by what was chosen
      if (before instanceof HTMLElement && !isTaken) before.focus({ preventScroll: true });
    };
  }, []);
  useLayoutEffect(() => placeAt(box.current!, open), [choosing.value]);
  useEffect(() => box.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus(), []);

  const pick = (key: string) => {
    close();
    void react(here, row, key);
  };
  return (
    <dialog
      ref={box}
      class="message-menu"
      aria-label={w.title}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onPointerDown={() => (pressed.current = true)}
      onClickCapture={(event) => event.detail > 0 && !pressed.current && event.stopPropagation()}
      onClick={(event) => event.target === box.current && close()}
      onKeyDown={(event) => walk(event, box.current!)}
    >
      {choosing.value ? (
        <EmojiPicker onPick={pick} onClose={() => (choosing.value = false)} />
      ) : (
        <div role="menu" aria-label={w.title}>
          {actions.includes("reply") && (
            <div class="quick-reactions" role="group" aria-label={w.react}>
              {QUICK.map((key) => (
                <button
                  key={key}
                  role="menuitem"
                  class="plain"
                  data-mine={row.reactions.some((each) => each.key === key && each.mine) || undefined}
                  onClick={() => pick(key)}
                >
                  {key}
                </button>
              ))}
              <button role="menuitem" class="plain" aria-label={w.emoji} title={w.emoji} onClick={() => (choosing.value = true)}><Icon name="plus" /></button>
            </div>
          )}
          {actions.map((action) => (
            <button
              key={action}
              role="menuitem"
              class={action === "delete" || action === "report" ? "plain danger" : "plain"}
              onClick={() => {
                box.current!.close(); // first: nothing beside an open dialog can take the focus
                close();
                void act(action, here, row);
              }}
            >
              <Icon name={SIGNS[action]} /> {w[action]}
            </button>
          ))}
        </div>
      )}
    </dialog>
  );
}

function placeAt(dialog: HTMLDialogElement, { x, y, row }: OpenMenu): void {
  if (innerWidth < SHEET_BELOW_PIXELS) return;
  const at = document.querySelector(`[data-key="${CSS.escape(row.key)}"] .bubble`)?.getBoundingClientRect();
  const { width, height } = dialog.getBoundingClientRect();
  const left = x ?? at?.left ?? (innerWidth - width) / 2;
  const top = y ?? at?.bottom ?? (innerHeight - height) / 2;
  dialog.style.left = `${Math.max(MARGIN_PIXELS, Math.min(left, innerWidth - width - MARGIN_PIXELS))}px`;
  dialog.style.top = `${Math.max(MARGIN_PIXELS, Math.min(top, innerHeight - height - MARGIN_PIXELS))}px`;
}

function walk(event: KeyboardEvent, dialog: HTMLDialogElement): void {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  const items = [...dialog.querySelectorAll<HTMLElement>("[role=menuitem]")];
  if (!step || !items.length) return;
  event.preventDefault();
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[(at + step + items.length) % items.length]!.focus();
}
