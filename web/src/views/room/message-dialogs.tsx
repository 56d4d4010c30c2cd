/** What is asked and shown about one message: its edits, its readers, its reactions, a report, where to forward it. */

import { Dialog } from "../../ui/dialog";
import { words } from "../../words";
import { Edits } from "./about-edits";
import { Forward } from "./about-forward";
import { Reacted, ReadBy } from "./about-people";
import { Report } from "./about-report";
import { about, type About } from "./here";
import "./message-dialogs.css";

const w = words({
  history: ["수정 기록", "Edits"],
  report: ["메시지 신고", "Report this message"],
  readers: ["읽은 사람", "Who has read it"],
  reactions: ["반응", "Reactions"],
  forward: ["다른 대화로 전달", "Forward"],
});

const PAGES = { history: Edits, report: Report, readers: ReadBy, reactions: Reacted, forward: Forward } satisfies Record<About, unknown>;

export function MessageDialogs() {
  if (!about.value) return null;
  const { here, row, what } = about.value;
  const close = () => (about.value = null);
  const Page = PAGES[what];
  return (
    <Dialog title={w[what]} onClose={close}>
      <Page here={here} row={row} close={close} />
    </Dialog>
  );
}
