"""The verdict as one HTML page that needs nothing else: Korean and English, light and dark."""

from collections.abc import Iterable, Sequence
from html import escape

from bongsu.drill.notes import Event
from bongsu.drill.picture import picture, turns
from bongsu.drill.summary import OFFENDERS_SHOWN, headline, relative
from bongsu.drill.verdict import Outcome, Promise, Run

EVENTS_SHOWN = 300
TROUBLES_SHOWN = 100

_STYLE = """
:root{--ink:#1d232b;--soft:#5d6875;--paper:#fff;--lane:#f3f5f8;--line:#cfd6de;--rate:#8fb4dc;
--latency:#8a4b08;--reader:#3f8f57;--bad:#c22a2a;--good:#23743e;--absence:#c22a2a1c;--gap:#c22a2a38}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaef;--soft:#9aa6b2;--paper:#14181d;
--lane:#1d232a;--line:#39434e;--rate:#3f6d9e;--latency:#e7a65b;--reader:#62b77c;--bad:#ff7b72;
--good:#66c58a;--absence:#ff7b7220;--gap:#ff7b7240}}
body{font:15px/1.5 system-ui,"Noto Sans KR","Apple SD Gothic Neo",sans-serif;color:var(--ink);
background:var(--paper);max-width:1140px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}h3{font-size:1rem;color:var(--soft)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{text-align:left;padding:.15rem .9rem .15rem 0;border-bottom:1px solid var(--line);
vertical-align:top}th{color:var(--soft);font-weight:500}
.number{text-align:right}.good{color:var(--good)}.bad{color:var(--bad);fill:var(--bad)}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}svg text{fill:var(--ink)}
.lane{fill:var(--lane)}.rate{fill:var(--rate)}.latency{stroke:var(--latency);stroke-width:1.8;
fill:none}.reader{stroke:var(--reader);stroke-width:1.2}.grid{stroke:var(--line);fill:none;
stroke-dasharray:2 4}.absence{fill:var(--absence)}.gap{fill:var(--gap)}
svg .site{font-size:16px;font-weight:600}svg .small,svg .tiny,svg .tick{fill:var(--soft)}
svg .small.bad{fill:var(--bad)}svg .tiny{font-size:9px;text-anchor:end}svg .tick{text-anchor:middle}
.mark path{stroke:var(--soft);stroke-width:.8;opacity:.6}.mark text{font-size:10px;
text-anchor:middle}details{margin:.6rem 0}summary{cursor:pointer;color:var(--soft)}
"""
_LEGEND = (
    "파란 면: 초당 승인 수 · blue area: acknowledgements over time. "
    "점: 승인 지연(로그 눈금) · dots: latency, logarithmic. "
    "초록 선: 읽는 사람에게 도착 · green ticks: arrivals at the site's reader. "
    "붉은 면: 데이터센터를 잃은 동안과 가장 긴 공백 · "
    "red: the site's absence, and the longest gap."
)


def page(outcomes: Sequence[Outcome]) -> str:
    """All drills of a series on one page."""
    kept = sum(outcome.is_kept for outcome in outcomes)
    sentence = f"{kept} / {len(outcomes)}"
    body = [
        "<h1>데이터센터 소실 훈련 · Site loss drill</h1>",
        f'<p class="{_class(kept == len(outcomes))}">{sentence} '
        "훈련에서 모든 약속이 지켜짐 · drills kept every promise</p>",
    ]
    if len(outcomes) > 1:
        body += _series(outcomes)
    for number, outcome in enumerate(outcomes, 1):
        body += _drill(number, outcome)
    return (
        '<!doctype html><html lang="ko"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Bongsu drill</title><style>{_STYLE}</style><body>{''.join(body)}</body></html>"
    )


def _drill(number: int, outcome: Outcome) -> Iterable[str]:
    run, verdict = outcome.run, "지켜짐 · kept" if outcome.is_kept else "깨짐 · broken"
    yield f'<section id="drill-{number}"><h2>{number}. {escape(headline(run))} '
    yield f'<span class="{_class(outcome.is_kept)}">{verdict}</span></h2>'
    yield f"{picture(outcome)}<p><small>{_LEGEND}</small></p>"
    yield "<h3>약속 · Promises</h3>"
    heads = ["", "약속 · promise", "측정 · measured", "한도 · limit"]
    yield from _table(heads, map(_promise, outcome.promises))
    yield "<h3>데이터센터별 · By site</h3>"
    yield from _sites(outcome)
    yield "<h3>표시된 사건 · Marked events</h3>"
    rows = [[str(number), *_event(run, event)] for number, event in enumerate(turns(run), 1)]
    yield from _table(["", *_EVENT_HEADS], rows)
    yield f"<details><summary>모든 사건 · All events ({len(run.events)})</summary>"
    yield from _table(_EVENT_HEADS, (_event(run, event) for event in run.events[:EVENTS_SHOWN]))
    yield "</details>"
    yield from _troubles(run)
    yield from _offenders(run)
    yield "</section>"


_EVENT_HEADS = ["초 · seconds", "곳 · site", "부분 · part", "일 · what"]


def _event(run: Run, event: Event) -> list[str]:
    at = f"{relative(event.at, run):+.2f}"
    return [at, escape(event.site), escape(event.part), escape(event.what)]


def _promise(promise: Promise) -> list[str]:
    digits = 2 if promise.unit else 0
    sign = "✓" if promise.is_kept else "✗"
    return [
        f'<span class="{_class(promise.is_kept)}">{sign}</span>',
        escape(promise.name),
        f"{promise.value:.{digits}f} {promise.unit}",
        f"≤ {promise.limit:g} {promise.unit}",
    ]


def _sites(outcome: Outcome) -> Iterable[str]:
    heads = ["곳 · site", "승인 · acknowledged", "가장 긴 공백 · longest gap",
             "가장 늦은 승인 · slowest", "중앙값 · median", "읽기 공백 · reader's gap",
             "오류 · errors"]  # fmt: skip
    rows = [
        [
            escape(site.site) + (" (잃음 · lost)" if site.is_lost else ""),
            str(site.acknowledged),
            f"{site.gap.seconds:.2f} s",
            f"{site.slowest:.2f} s",
            f"{site.median * 1000:.0f} ms",
            f"{site.reader_gap.seconds:.2f} s",
            str(site.errors),
        ]
        for site in outcome.sites
    ]
    return _table(heads, rows)


def _series(outcomes: Sequence[Outcome]) -> Iterable[str]:
    heads = ["", "훈련 · drill", "승인 · acknowledged", "잃음 · lost", "겹침 · doubled",
             "뒤바뀜 · reordered", "미디어 잃음 · media lost", "공백 · gap", ""]  # fmt: skip
    rows = [
        [
            f'<a href="#drill-{number}">{number}</a>',
            escape(headline(one.run)),
            str(one.run.ledger.acknowledged),
            str(len(one.run.ledger.lost)),
            str(len(one.run.ledger.doubled)),
            str(len(one.run.ledger.reordered)),
            str(len(one.run.media.lost)),
            f"{one.gap.seconds:.2f} s",
            f'<span class="{_class(one.is_kept)}">{"✓" if one.is_kept else "✗"}</span>',
        ]
        for number, one in enumerate(outcomes, 1)
    ]
    return _table(heads, rows)


def _troubles(run: Run) -> Iterable[str]:
    if not run.troubles:
        return
    heads = ["초 · seconds", "곳 · site", "무엇 · what", "상태 · status", "동안 · for", ""]
    rows = (
        [f"{relative(one.at, run):+.2f}", escape(one.site), escape(one.what), str(one.status),
         f"{one.seconds:.2f} s", escape(one.detail)]
        for one in run.troubles[:TROUBLES_SHOWN]
    )  # fmt: skip
    yield f"<details><summary>실패한 시도 · Failed tries ({len(run.troubles)})</summary>"
    yield from _table(heads, rows)
    yield "</details>"


def _offenders(run: Run) -> Iterable[str]:
    for title, offenders in (
        ("잃은 메시지 · Lost", run.ledger.lost),
        ("겹친 메시지 · Doubled", run.ledger.doubled),
        ("뒤바뀐 메시지 · Reordered", run.ledger.reordered),
        ("바뀐 이벤트 id · Changed", run.ledger.changed),
        ("읽기 흐름의 흠 · Stream faults", run.stream_faults),
        ("잃은 미디어 · Media lost", run.media.lost),
        ("끝나지 않은 일 · Unfinished", run.unfinished),
    ):
        if offenders:
            shown = "".join(f"<li>{escape(one)}</li>" for one in offenders[:OFFENDERS_SHOWN])
            yield f'<h3 class="bad">{title} ({len(offenders)})</h3><ul>{shown}</ul>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """Cells are HTML already."""
    yield "<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _class(is_good: bool) -> str:
    return "good" if is_good else "bad"
