"""Invented people and what they write, for `generator`."""

from random import Random

from bongsu.desk.reports.claim import Claim, PayoutDetails, Personal
from bongsu.desk.reports.money import format_amount
from bongsu.desk.reports.words import Category

_SURNAMES = "김이박최정강조윤장임한오서신권황안송류홍전고문손양배백허남심노하곽성차주우구민진"
_GIVEN = "민서준하윤지우현수진영호은경미선재성희정훈도연아린태원유나채승규동혁주상빈찬솔별"
_PLACES = (
    "수원 영통", "부산 서면", "대구 동성로", "광주 상무지구", "대전 둔산동", "인천 송도",
    "제주 노형동", "춘천 명동", "전주 객사", "창원 상남동", "울산 삼산동", "청주 성안길",
    "포항 양덕", "여수 학동", "성남 판교", "고양 일산", "용인 수지", "안양 범계", "강릉 교동",
    "목포 하당", "천안 신부동", "김해 내외동", "서울 마포", "서울 구로", "서울 노원", "서울 강동",
    "세종 나성동", "원주 단계동",
)  # fmt: skip
_SHOPS = (
    "분식집", "꽃집", "미용실", "카페", "네일샵", "반찬가게", "정육점", "빵집", "안경점",
    "세탁소", "학원", "펜션", "꽃배달", "수제청 판매", "떡집", "치킨집", "옷가게", "공방",
    "사진관", "스터디카페", "약국", "문구점", "자전거 수리점", "애견미용실", "필라테스", "인쇄소",
    "과일가게", "횟집", "동물병원", "주얼리샵",
)  # fmt: skip
_THINGS = (
    "예약 확인", "단체 주문", "배달 주문", "입금 안내", "수업 공지", "거래처 발주", "상담 문의",
    "쿠폰 발송", "환불 접수", "견적 전달", "출고 안내", "모임 공지", "서류 전달", "위치 공유",
    "사진 전송", "로그인 인증", "결제 승인", "비상 연락", "교대 근무표", "납품 일정",
)  # fmt: skip
_SENTENCES = (
    "{place}에서 {shop}을 하는데 {thing}이 {hours}시간 동안 막혔습니다",
    "{day} {clock}시쯤부터 {thing}이 전혀 되지 않았고 {people}명에게 연락하지 못했습니다",
    "{thing} 때문에 {day}에만 전화를 {people}통 넘게 받았습니다",
    "{people}명이 기다리다가 그냥 돌아갔고 {place} 다른 {shop}으로 갔다고 합니다",
    "{hours}시간 뒤에야 {thing}이 다시 열렸지만 이미 {day} 장사는 끝난 뒤였습니다",
    "{place} 사는 가족과 {hours}시간 연락이 끊겨 {thing}도 못 하고 걱정했습니다",
    "{clock}시에 하기로 한 {thing}을 놓쳐 위약금을 물었습니다",
    "직원 {people}명이 {hours}시간을 기다렸고 {thing}은 문자로 하나씩 다시 보냈습니다",
    "{shop} 단골 {people}명에게 보낼 {thing}을 {day}까지 못 보냈습니다",
    "{place} {shop} 매출이 {day} 하루 {people}건 줄었습니다",
    "택시를 부르지 못해 {clock}시 기차를 놓치고 {place}에서 하루를 더 묵었습니다",
    "{day} 밤 {clock}시에 손님을 한 분도 못 모셨고 {hours}시간을 빈 차로 다녔습니다",
    "이모티콘과 정기 결제를 쓰는데 {hours}시간 동안 아무것도 쓸 수 없었습니다",
    "{thing} 기록이 {day} 이후로 보이지 않아 {people}건을 다시 확인해야 했습니다",
    "회사 {thing}을 여기로만 하고 있어서 {place} 지점과 {hours}시간 따로 움직였습니다",
    "해외에 있어 {thing}이 안 되니 {hours}시간 동안 방법이 없었습니다",
    "보조금 신청 마감이 {day} {clock}시였는데 {thing}이 되지 않아 못 냈습니다",
    "아이 {thing}을 {day}에 못 받아 {place}까지 두 번 다녀왔습니다",
    "{people}명 모임의 {thing}을 못 해서 {place} 식당 예약금을 돌려받지 못했습니다",
    "{clock}시 라이브 판매가 취소되어 {shop} 재료 {people}인분을 버렸습니다",
)
_DAYS = ("토요일", "일요일", "월요일", "화요일", "수요일", "주말", "15일", "16일", "17일")
_BANKS = (
    "국민은행",
    "신한은행",
    "우리은행",
    "하나은행",
    "농협",
    "기업은행",
    "새마을금고",
    "우체국",
    "토스뱅크",
)
_FILES = (
    "매출내역",
    "영수증",
    "통장사본",
    "예약취소",
    "화면캡처",
    "주문서",
    "세금계산서",
    "운행기록",
)


class Writer:
    def __init__(self, random: Random) -> None:
        self._random = random

    def personal(self, claim: Claim, category: Category) -> Personal:
        random = self._random
        name = random.choice(_SURNAMES) + "".join(random.sample(_GIVEN, 2))
        contact = f"010-{random.randrange(10_000):04d}-{random.randrange(10_000):04d}"
        sentences = random.sample(_SENTENCES, random.choice((1, 2, 2, 3, 3, 4)))
        payout, reckoning = None, ""
        if claim.loss_amount and claim.loss_currency:
            total = format_amount(claim.loss_amount, claim.loss_currency)
            reckoning = f"{random.choice(_DAYS)}부터 {random.randint(1, 5)}일, 모두 {total}"
        if (claim.loss_amount and random.random() < 0.4) or category is Category.FIRM:
            account = f"{random.randrange(1_000):03d}-{random.randrange(10**9):09d}"
            payout = PayoutDetails(name, random.choice(_BANKS), account)
        text = ". ".join(self._filled(sentence) for sentence in sentences) + "."
        return Personal(name, contact, text, reckoning, payout)

    def file_name(self) -> str:
        return f"{self._random.choice(_FILES)}_{self._random.randrange(10_000):04d}.pdf"

    def _filled(self, sentence: str) -> str:
        random = self._random
        return sentence.format(
            place=random.choice(_PLACES),
            shop=random.choice(_SHOPS),
            thing=random.choice(_THINGS),
            day=random.choice(_DAYS),
            hours=random.randint(2, 127),
            clock=random.randint(1, 12),
            people=random.randint(2, 400),
        )
