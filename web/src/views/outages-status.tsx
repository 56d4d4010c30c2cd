/** What the desk says: the health of services, and incidents with what was done about them. */

import { desk, type Health, type Incident, type Service, type Texts, type Update } from "../matrix/desk";
import { shortWhen } from "../ui/when";
import { language, words } from "../words";

const UPDATES_SHOWN = 2; // of an incident; all of them stand on its page

const w = words({
  operational: ["모두 정상입니다", "Everything works"],
  unknown: ["상태를 확인하는 중입니다", "The state is being looked into"],
  maintenance: ["점검 중입니다", "Maintenance is going on"],
  degraded: ["일부가 느리거나 불안정합니다", "Some of it is slow or unsteady"],
  partial_outage: ["일부가 멈췄습니다", "Some of it does not work"],
  major_outage: ["크게 멈췄습니다", "Much of it does not work"],
  services: ["서비스", "Services"],
  incidents: ["지금의 장애와 점검", "Incidents and planned work"],
  uptime: [(share: string) => `90일 가동률 ${share}`, (share: string) => `${share} over 90 days`],
  since: [(when: string) => `${when}부터`, (when: string) => `since ${when}`],
  from: [(when: string) => `${when} 예정`, (when: string) => `planned for ${when}`],
  more: ["자세히 보기", "Read more"],
});

const h = words({
  operational: ["정상", "Works"],
  unknown: ["확인 중", "Unknown"],
  maintenance: ["점검 중", "Maintenance"],
  degraded: ["불안정", "Degraded"],
  partial_outage: ["일부 중단", "Partly down"],
  major_outage: ["중단", "Down"],
});

const phases = words({
  investigating: ["조사 중", "Investigating"],
  identified: ["원인 확인", "Identified"],
  recovering: ["복구 중", "Recovering"],
  resolved: ["복구 완료", "Resolved"],
  scheduled: ["예정", "Scheduled"],
  in_progress: ["진행 중", "In progress"],
  completed: ["완료", "Completed"],
});

export function HealthLine({ health }: { health: Health }) {
  return <p class="health-line" data-health={health} role="status">{w[health] ?? w.unknown}</p>;
}

export function Services({ services }: { services: Service[] }) {
  if (!services.length) return null;
  return (
    <>
      <h2>{w.services}</h2>
      <ul class="services">
        {services.map((service) => (
          <li key={service.id}>
            <span class="name">{inOurLanguage(service.names)}</span>
            <Sign health={service.health} />
            {service.uptime_90_days !== null && (
              <span class="quiet uptime">{w.uptime(`${(service.uptime_90_days * 100).toFixed(2)} %`)}</span>
            )}
            {Object.keys(service.sites).length > 1 && (
              <span class="sites">
                {Object.entries(service.sites).map(([site, health]) => (
                  <span key={site} class="quiet">{site} <Sign health={health} /></span>
                ))}
              </span>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

export function Incidents({ incidents }: { incidents: Incident[] }) {
  if (!incidents.length) return null;
  return (
    <>
      <h2>{w.incidents}</h2>
      {incidents.map((incident) => <OneIncident key={incident.incident_id} incident={incident} />)}
    </>
  );
}

function OneIncident({ incident }: { incident: Incident }) {
  const isToCome = incident.kind === "planned" && incident.phase === "scheduled";
  const when = shortWhen(incident.started_ts);
  return (
    <article class="incident" data-health={incident.impact}>
      <h3>{inOurLanguage(incident.titles)}</h3>
      <p class="quiet">
        {phaseName(incident.phase)} · <time dateTime={new Date(incident.started_ts).toISOString()}>{isToCome ? w.from(when) : w.since(when)}</time>
      </p>
      {incident.updates.slice(0, UPDATES_SHOWN).map((update) => <OneUpdate key={update.update_id} update={update} />)}
      {desk.value && (
        <a href={`${desk.value}/incidents/${encodeURIComponent(incident.incident_id)}?lang=${language.value}`} target="_blank" rel="noopener">
          {w.more}
        </a>
      )}
    </article>
  );
}

function OneUpdate({ update }: { update: Update }) {
  return (
    <p class="update">
      <span class="quiet">{shortWhen(update.ts)} · {phaseName(update.phase)}</span>
      <br />
      {inOurLanguage(update.texts)}
    </p>
  );
}

/** Colour says it to the eye, the word to everybody. */
function Sign({ health }: { health: Health }) {
  return <span class="sign" data-health={health}>{h[health] ?? h.unknown}</span>;
}

function phaseName(phase: string): string {
  return phase in phases ? phases[phase as keyof typeof phases] : phase;
}

/** Ours, else English, else Korean, else any. */
export function inOurLanguage(texts: Texts): string {
  return texts[language.value] ?? texts.en ?? texts.ko ?? Object.values(texts)[0] ?? "";
}
