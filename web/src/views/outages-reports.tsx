/** Reporting damage, and what became of one's reports. */

import { useSignal } from "@preact/signals";

import { DeskError, openReportForm, ownReports, type Report, status } from "../matrix/desk";
import { Icon } from "../ui/icon";
import { useAnswer } from "../ui/use-answer";
import { shortWhen } from "../ui/when";
import { language, words } from "../words";
import { inOurLanguage } from "./outages-status";

const w = words({
  title: ["피해 신고", "Report damage"],
  lead: [
    "장애로 겪은 피해를 알려 주세요. 계정이 미리 채워진 신고서가 새 창에서 열립니다.",
    "Tell us what damage an outage did to you. A form opens in a new window, your account filled in.",
  ],
  report: ["피해 신고하기", "Report damage"],
  own: ["내 신고", "My reports"],
  none: ["아직 신고한 것이 없습니다.", "You have reported nothing yet."],
  loading: ["불러오는 중…", "Loading…"],
  failed: ["신고 목록을 지금 가져올 수 없습니다. 보낸 신고는 그대로 있습니다.", "Your reports cannot be fetched just now. What you sent is safe."],
  often: ["너무 잦습니다. 잠시 뒤 다시 시도해 주세요.", "Too often. Please try again in a moment."],
  again: ["다시 불러오기", "Refresh"],
  open: [(receipt: string) => `신고 ${receipt} 열기`, (receipt: string) => `Open report ${receipt}`],
});

const states = words({
  received: ["접수됨", "Received"],
  in_review: ["심사 중", "In review"],
  question: ["질문이 왔습니다", "You are asked something"],
  answered: ["답변함", "Answered"],
  accepted: ["인정됨", "Accepted"],
  refused: ["인정되지 않음", "Refused"],
  duplicate: ["중복", "Duplicate"],
  appealed: ["이의 신청함", "Appealed"],
  withdrawn: ["철회함", "Withdrawn"],
  erased: ["삭제됨", "Erased"],
});

export function OwnReports() {
  const asked = useSignal(0);
  const isOpening = useSignal(false);
  const { value: reports, error, waiting } = useAnswer(String(asked.value), ownReports);
  const report = async () => {
    isOpening.value = true;
    await openReportForm(language.value);
    isOpening.value = false;
  };
  return (
    <>
      <h2>{w.title}</h2>
      <p>{w.lead}</p>
      <button class="primary" disabled={isOpening.value} onClick={report}>{w.report}</button>
      <div class="again">
        <h2>{w.own}</h2>
        <button class="plain" disabled={waiting} onClick={() => asked.value++}><Icon name="retry" /> {w.again}</button>
      </div>
      {waiting && !reports && <p class="quiet" role="status">{w.loading}</p>}
      {error !== null && (
        <p class="error" role="alert">{error instanceof DeskError && error.status === 429 ? w.often : w.failed}</p>
      )}
      {reports && !reports.length && <p class="quiet">{w.none}</p>}
      {reports && reports.length > 0 && (
        <ul class="reports">
          {reports.map((each) => <li key={each.receipt}><OneReport report={each} /></li>)}
        </ul>
      )}
    </>
  );
}

function OneReport({ report }: { report: Report }) {
  const names = report.services.map((id) => {
    const service = status.value?.services.find((each) => each.id === id);
    return service ? inOurLanguage(service.names) : id;
  });
  const state = report.status in states ? states[report.status as keyof typeof states] : report.status;
  return (
    <a href={report.url} target="_blank" rel="noopener" aria-label={`${w.open(report.receipt)}, ${state}`}>
      <span class="receipt">{report.receipt}</span>
      <span class="state" data-status={report.status}>{state}</span>
      <span class="quiet">{[names.join(", "), shortWhen(report.received_ts)].filter(Boolean).join(" · ")}</span>
    </a>
  );
}
