/** Outages: what stands still just now, what is done about it, and the person's own reports of damage. */

import { useEffect } from "preact/hooks";

import { desk, isUnreachable, readClosely, status } from "../matrix/desk";
import { shortWhen } from "../ui/when";
import { language, words } from "../words";
import { HealthLine, Incidents, Services } from "./outages-status";
import { OwnReports } from "./outages-reports";
import "./outages.css";

const w = words({
  title: ["장애와 공지", "Outages and notices"],
  none: ["이 서버는 장애 안내 창구를 두지 않았습니다.", "This server has no desk for outages."],
  loading: ["불러오는 중…", "Loading…"],
  unreachable: ["안내 창구에 지금 닿지 않습니다.", "The desk cannot be reached just now."],
  asOf: [(when: string) => `${when} 기준입니다.`, (when: string) => `As of ${when}.`],
  all: ["상태 페이지 전체 보기", "See the whole status page"],
});

export function Outages() {
  useEffect(readClosely, []);
  const said = status.value;
  if (!desk.value && !said) return <section class="outages column"><Head /><p class="quiet">{w.none}</p></section>;
  const isOld = isUnreachable.value || said?.is_stale;
  return (
    <section class="outages column" aria-label={w.title}>
      <Head />
      {!said && <p class="quiet" role="status">{isUnreachable.value ? w.unreachable : w.loading}</p>}
      {said && <HealthLine health={said.health} />}
      {said && isOld && (
        <p class="quiet" role="status">
          {isUnreachable.value && w.unreachable} {w.asOf(shortWhen(Date.parse(said.as_of)))}
        </p>
      )}
      {said && <Incidents incidents={said.incidents} />}
      {said && <Services services={said.services} />}
      {desk.value && <p><a href={`${desk.value}/?lang=${language.value}`} target="_blank" rel="noopener">{w.all}</a></p>}
      {desk.value && <OwnReports />}
    </section>
  );
}

function Head() {
  return <header class="head"><h1>{w.title}</h1></header>;
}
