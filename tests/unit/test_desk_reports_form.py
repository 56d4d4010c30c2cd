"""The rules of the report form, receipts, keys, amounts and marks."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.desk.reports.claim import PayoutDetails, Personal, personal_of
from bongsu.desk.reports.form import TEXT_CHARS_MAX, check_form
from bongsu.desk.reports.keys import derive, is_form_key, is_link_token, new_form_key
from bongsu.desk.reports.marks import TEXT_MARKS, Marker, MarkKind
from bongsu.desk.reports.money import format_amount, parse_amount
from bongsu.desk.reports.receipt import ALPHABET, BITS, parse_receipt, receipt_of
from bongsu.desk.reports.words import Category

NOW = 1_666_000_000_000  # 2022-10-17
GOOD = {
    "category": ["shop"],
    "services": ["messages", "channel"],
    "is_paid": ["yes"],
    "damage": ["lost_sales"],
    "started": ["2022-10-15T15:30"],
    "ended": ["2022-10-16T18:00"],
    "loss_amount": ["300,000"],
    "loss_currency": ["KRW"],
    "country": ["kr"],
    "description": ["주문을 받지 못했습니다"],
    "reckoning": ["하루 매출"],
    "contact": ["shop@example.org"],
}
MARKER = Marker(b"k" * 32)
TEXT = (
    "토요일 오후부터 메신저가 되지 않아 가게 주문을 하나도 받지 못했습니다. 단골손님들이 연락이 "
    "안 된다고 다른 가게로 갔고, 미리 받은 예약도 전부 취소되었습니다. 하루 매출이 사라졌어요."
)


def errors(**changed: list[str]) -> dict[str, str]:
    return dict(check_form(GOOD | changed, language="ko", now=NOW).errors)


def test_a_good_form() -> None:
    checked = check_form(GOOD, language="ko", now=NOW)
    assert checked.errors == {}
    assert checked.claim is not None
    assert checked.claim.category is Category.SHOP
    assert checked.claim.started_ts == 1_665_815_400_000  # 15:30 in Korea is 06:30 UTC
    assert (checked.claim.loss_amount, checked.claim.loss_currency) == (300_000, "KRW")
    assert checked.claim.country == "KR"
    assert checked.personal is not None
    assert checked.personal.payout is None


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"category": ["king"]}, {"category": "choose"}),
        ({"category": []}, {"category": "choose"}),
        ({"services": []}, {"services": "choose"}),
        ({"services": ["messages", "<b>"]}, {"services": "choose"}),
        ({"started": [""]}, {"started": "missing"}),
        ({"started": ["2022-13-45T99:99"]}, {"started": "no_time"}),
        ({"started": ["2022-10-18T15:30"], "ended": [""]}, {"started": "future"}),
        ({"started": ["1999-10-18T15:30"]}, {"started": "long_ago"}),
        ({"started": ["0001-01-01T00:00"]}, {"started": "no_time"}),
        ({"ended": ["2022-10-14T00:00"]}, {"ended": "before_start"}),
        ({"loss_amount": ["a lot"]}, {"loss_amount": "no_amount"}),
        ({"loss_amount": ["-5"]}, {"loss_amount": "no_amount"}),
        ({"loss_amount": ["1e9"]}, {"loss_amount": "no_amount"}),
        ({"loss_amount": ["10.5"]}, {"loss_amount": "no_amount"}),  # won have no decimals
        ({"loss_currency": ["BTC"]}, {"loss_currency": "choose"}),
        ({"country": ["Korea"]}, {"country": "choose"}),
        ({"description": ["  "]}, {"description": "missing"}),
        ({"description": ["x" * 5_001]}, {"description": "too_long"}),
        ({"reckoning": [""]}, {"reckoning": "reckoning_missing"}),
        ({"utc_offset": ["nine"]}, {"utc_offset": "choose"}),
        ({"payout_bank": ["국민"]}, {"payout_holder": "payout_incomplete",
                                     "payout_account": "payout_incomplete"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(changed: dict[str, list[str]], error: dict[str, str]) -> None:
    assert errors(**changed) == error


def test_markup_is_kept_as_it_was_typed_and_controls_are_not() -> None:
    typed = "<script>alert(1)</script>\r\n\x00\x1b[31m\u202e=1+1 \ud800"
    checked = check_form(GOOD | {"description": [typed]}, language="ko", now=NOW)
    assert checked.personal is not None
    assert checked.personal.description == "<script>alert(1)</script>\n[31m=1+1"


@given(st.dictionaries(st.sampled_from([*GOOD, *TEXT_CHARS_MAX]), st.lists(st.text())))
def test_no_form_makes_it_fall(values: dict[str, list[str]]) -> None:
    checked = check_form(GOOD | values, language="en", now=NOW)
    assert bool(checked.errors) == (checked.claim is None)


@given(st.integers(0, 2**BITS - 1), st.integers(0, 11), st.sampled_from(ALPHABET))
def test_receipts_come_back_and_one_wrong_symbol_is_found(
    number: int, place: int, symbol: str
) -> None:
    receipt = receipt_of(number)
    assert parse_receipt(receipt.lower().replace("-", " ")) == receipt
    plain = receipt.replace("-", "")
    wrong = plain[:place] + symbol + plain[place + 1 :]
    assert (parse_receipt(wrong) is None) == (wrong != plain)


def test_receipts_as_people_type_them() -> None:
    receipt = receipt_of(1 << 33)
    assert parse_receipt(receipt.replace("0", "O").replace("1", "l")) == receipt
    for text in ("", "UUUU-UUUU-UUUU", receipt + "0", receipt[:-1], "=1+1", "한글" * 6):
        assert parse_receipt(text) is None


def test_all_follows_from_the_form_key_and_nothing_leads_back() -> None:
    key = new_form_key()
    keys = derive(key)
    assert derive(key) == keys
    assert is_form_key(key)
    assert is_link_token(keys.link_token)
    others = derive(new_form_key())
    assert not {keys.report_id, keys.receipt, keys.link_token} & {
        others.report_id, others.receipt, others.link_token
    }  # fmt: skip
    assert keys.link_token not in (keys.report_id, keys.receipt, key)
    for text in ("", "../../etc/passwd", key + "A", key[:-1] + "\n", "한" * 43):
        assert not is_form_key(text)


def test_amounts() -> None:
    assert parse_amount("1,234.5", "USD") == 123_450
    assert parse_amount("12.345", "USD") is None
    assert parse_amount("٣٠٠", "KRW") is None
    assert parse_amount("9" * 16, "USD") is None
    assert format_amount(300_000, "KRW") == "300,000 KRW"
    assert format_amount(1_250, "USD") == "12.50 USD"


def test_personal_texts_come_back() -> None:
    personal = Personal("홍", "a@b", "글", "", PayoutDetails("홍", "국민", "1-2"))
    assert personal_of(personal.texts()) == personal
    assert personal_of({}) == Personal("", "", "", "")


def test_near_duplicates_share_marks_and_others_do_not() -> None:
    copied = TEXT.replace("토요일", "일요일").replace(" ", "") + "!!"
    other = (
        "택시 호출이 되지 않아서 손님을 태우지 못했고 이틀 동안 수입이 없었습니다. 요금제를 내고 "
        "쓰는 기사인데 기름값만 날렸습니다. 보상 기준을 알려 주시기 바랍니다."
    )
    marks = MARKER.text_marks(TEXT)
    assert len(marks) == TEXT_MARKS
    assert len(set(marks) & set(MARKER.text_marks(copied))) >= TEXT_MARKS // 2
    assert not set(marks) & set(MARKER.text_marks(other))
    assert MARKER.text_marks("짧은 글") == []


def test_marks_are_keyed_and_see_through_spelling() -> None:
    first = Personal("", "010-1234-5678", "", "", PayoutDetails("홍", "KB 국민", "110-1"))
    second = Personal("", "01012345678", "", "", PayoutDetails("Hong", "kb국민", "1101"))
    assert MARKER.marks(None, first, []) == MARKER.marks(None, second, [])
    assert {kind for kind, _ in MARKER.marks("@a:b", first, [b"x" * 32])} == {
        MarkKind.ACCOUNT, MarkKind.FILE, MarkKind.PAYOUT, MarkKind.CONTACT
    }  # fmt: skip
    assert not {mark for _, mark in MARKER.marks(None, first, [])} & {
        mark for _, mark in Marker(b"j" * 32).marks(None, first, [])
    }


def test_words_find_pairs_and_words() -> None:
    words = set(MARKER.words("주문을 못 받음, ORDERS lost"))
    assert set(MARKER.words("주문")) <= words
    assert set(MARKER.words("order")) <= words
    assert not set(MARKER.words("택시")) <= words
    assert all(0 <= word < 2**63 for word in words)
    assert len(MARKER.words(" ".join(string.ascii_letters[n % 52] * 3 + str(n)
                                     for n in range(900)))) <= 400  # fmt: skip
