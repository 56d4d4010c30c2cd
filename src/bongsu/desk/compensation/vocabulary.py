"""The words of rules: what a condition may ask of a report, and how it is said in words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from bongsu.desk.reports.catalogue import SERVICES
from bongsu.desk.reports.words import Category, Damage


class Words(NamedTuple):
    """The same in the desk's two languages."""

    ko: str
    en: str

    def in_language(self, language: str) -> str:
        return self.en if language == "en" else self.ko


class Fact(NamedTuple):
    """Something that a condition may ask. `type` is CEL's; `codes` the only values there are."""

    type: str
    words: Words
    codes: Mapping[str, Words] = MappingProxyType({})


CATEGORIES = {
    Category.USER.value: Words("이용자", "user"),
    Category.PAYING_USER.value: Words("유료 이용자", "paying user"),
    Category.DRIVER.value: Words("기사", "driver"),
    Category.SHOP.value: Words("소상공인", "small business"),
    Category.FIRM.value: Words("기업", "larger firm"),
    Category.PARTNER.value: Words("제휴사", "partner"),
    Category.OTHER.value: Words("기타", "other"),
}
DAMAGES = {
    Damage.NO_ACCESS.value: Words("이용하지 못함", "no access"),
    Damage.PAID_TIME.value: Words("유료 기간 손실", "paid time lost"),
    Damage.LOST_SALES.value: Words("매출 손실", "lost sales"),
    Damage.EXTRA_COST.value: Words("추가 비용", "extra cost"),
    Damage.LOST_DATA.value: Words("자료 손실", "lost data"),
    Damage.LOST_INCOME.value: Words("소득 손실", "lost income"),
    Damage.OTHER.value: Words("기타", "other"),
}
_SERVICE_NAMES = {
    "messages": Words("메시지", "messages"),
    "calls": Words("통화", "calls"),
    "login": Words("로그인", "login"),
    "mail": Words("메일", "mail"),
    "channel": Words("채널", "channels"),
    "cloud": Words("클라우드", "cloud"),
    "taxi": Words("택시", "taxi"),
    "pay": Words("결제", "payments"),
    "map": Words("지도", "maps"),
    "shop": Words("쇼핑", "shopping"),
    "games": Words("게임", "games"),
    "music": Words("음악", "music"),
    "other": Words("기타", "other"),
}
SERVICE_WORDS = {code: _SERVICE_NAMES.get(code, Words(code, code)) for code in SERVICES}

FACTS = {
    "category": Fact("string", Words("분류", "category"), CATEGORIES),
    "claimed_category": Fact(
        "string", Words("신고자가 말한 분류", "category as claimed"), CATEGORIES
    ),
    "services": Fact("list", Words("서비스", "services"), SERVICE_WORDS),
    "own_service": Fact("bool", Words("자사 서비스", "a service of the operator itself")),
    "paid": Fact("bool", Words("유료 이용", "a paid service")),
    "damage": Fact("string", Words("피해 종류", "kind of damage"), DAMAGES),
    "loss": Fact("int", Words("금전 손해액", "loss in money")),
    "has_loss": Fact("bool", Words("금전 손해 있음", "a loss in money")),
    "duration_minutes": Fact("int", Words("장애 시간(분)", "minutes of outage")),
    "evidence": Fact("int", Words("증빙 수", "files of evidence")),
    "evidence_accepted": Fact("int", Words("인정된 증빙 수", "accepted files of evidence")),
    "country": Fact("string", Words("국가", "country")),
    "has_account": Fact("bool", Words("계정 있음", "an account here")),
    "assessed": Fact("bool", Words("심사됨", "assessed by a person")),
}
