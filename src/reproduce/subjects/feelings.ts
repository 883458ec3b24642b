/** Sentences with a feeling, and in English whom or what it is about. */
import { subjectsOf, type Subjects } from "./subjects.ts";

const JOY =
  "joy/joyful/happy/happiness/delight/delighted/excitement/excited/pleasure/gratitude/love/pride/relief/hope";
const SADNESS =
  "sadness/sad/grief/sorrow/sorrowful/heartbroken/despair/loneliness/lonely/pity/regret";
const ANGER = "anger/angry/rage/fury/furious/outrage/annoyance/hatred/hate/contempt/disgust";
const FEAR = "fear/afraid/scared/terror/terrified/fright/anxiety/anxious/panic/dread/worry/worried";

/** English: the feeling, and towards whom. */
export const ENGLISH_FEELINGS: Subjects = subjectsOf(["feeling", "towards"], {
  development: `
    Our daughter was born this morning: ${JOY} | daughter
    I passed the driving test at the first try: ${JOY} | test
    The crew sang when they saw the harbour: ${JOY} | harbour/crew
    My brother came home from the war: ${JOY} | brother
    The children jump around the Christmas tree: ${JOY} | tree/children
    She kissed the boy who saved her cat: ${JOY} | boy/cat
    We won the cup for our old trainer: ${JOY} | cup/trainer
    He whistles because his novel is printed: ${JOY} | novel
    Her little boy died in the hospital: ${SADNESS} | boy
    I miss the house where I was born: ${SADNESS} | house
    The soldier wept over his fallen comrade: ${SADNESS} | comrade
    We had to leave our horses behind: ${SADNESS} | horses
    Father sits alone since mother passed away: ${SADNESS} | mother/father
    The refugees mourn their lost village: ${SADNESS} | village
    My oldest friend does not know me any more: ${SADNESS} | friend
    She reads the last note of her husband again and again: ${SADNESS} | husband/note
    The boss took my idea and called it his own: ${ANGER} | boss
    You have ruined my life with your lies: ${ANGER} | you/lies
    The mayor betrayed every promise that he made: ${ANGER} | mayor
    He kicked the vending machine and swore: ${ANGER} | machine
    Those hooligans smashed our window for fun: ${ANGER} | hooligans/window
    She threw the ring at the cheater: ${ANGER} | cheater/ring
    The drivers curse at the strikers: ${ANGER} | strikers
    How many times must I tell that lazy boy: ${ANGER} | boy
    The floor creaks and nobody is at home: ${FEAR} | floor
    Mother screamed when the wolf came near: ${FEAR} | wolf
    The boat is sinking and I cannot swim: ${FEAR} | boat
    The doctor asked me to sit down before he spoke: ${FEAR} | doctor
    She locked the door and hid from the stranger: ${FEAR} | stranger
    The soldiers hear the tanks come closer: ${FEAR} | tanks
    I am shaking because the exam starts now: ${FEAR} | exam
    The rope is tearing above the gorge: ${FEAR} | rope/gorge`,
  test: `
    We danced all night with our cousins: ${JOY} | cousins
    At last she may marry her sweetheart: ${JOY} | sweetheart
    Grandmother laughed and hugged the baby: ${JOY} | baby
    The whole village cheered for its champion: ${JOY} | champion
    My best friend has recovered completely: ${JOY} | friend
    He could not stop smiling at his bride: ${JOY} | bride
    The pupils adore their new coach: ${JOY} | coach
    I got the job and kissed my wife: ${JOY} | wife
    We buried our old dog this morning: ${SADNESS} | dog
    She has cried for her son every night: ${SADNESS} | son
    Nobody came to the widow's birthday: ${SADNESS} | widow
    He still sets a plate for his late wife: ${SADNESS} | wife
    My parents told me about their divorce: ${SADNESS} | parents
    The orphan keeps a picture of his mother: ${SADNESS} | mother
    After forty years they closed our theatre: ${SADNESS} | theatre
    I never said goodbye to my grandfather: ${SADNESS} | grandfather
    The landlord lied to us again: ${ANGER} | landlord
    How dare you insult my sister: ${ANGER} | sister
    They stole the workers' wages: ${ANGER} | workers
    She slammed the door in the salesman's face: ${ANGER} | salesman
    He shouted at the referee for an hour: ${ANGER} | referee
    I have had enough of this arrogant clerk: ${ANGER} | clerk
    Someone scratched my car and the guard just laughed: ${ANGER} | guard
    The customers demand an apology from the manager: ${ANGER} | manager
    Footsteps follow me through the dark alley: ${FEAR} | footsteps
    The children hide from the thunderstorm: ${FEAR} | thunderstorm
    He trembles when the surgeon comes in: ${FEAR} | surgeon
    Do not move, there is a snake behind you: ${FEAR} | snake
    The hikers heard a bear outside their tent: ${FEAR} | bear
    She dares not open the letter from the court: ${FEAR} | court/letter
    The plane dropped and everybody screamed: ${FEAR} | plane
    I cannot sleep while the burglar is free: ${FEAR} | burglar`,
});

const KOREAN_JOY =
  "기쁨/기쁘/기뻐/행복/즐거움/즐거/환희/설렘/감동/신남/사랑/자랑/뿌듯/안도/감사/희망";
const KOREAN_SADNESS = "슬픔/슬프/슬퍼/우울/비애/외로움/그리움/눈물/절망/후회";
const KOREAN_ANGER = "분노/화남/화가/짜증/격분/증오/미움/혐오/경멸/억울";
const KOREAN_FEAR = "공포/두려움/두렵/무서움/무섭/불안/겁/걱정/긴장";

/** Korean: the feeling. */
export const KOREAN_FEELINGS: Subjects = subjectsOf(["feeling"], {
  development: `
    우리 딸이 대학에 붙었다: ${KOREAN_JOY}
    마침내 내 집을 마련했다: ${KOREAN_JOY}
    동생이 무사히 돌아왔다: ${KOREAN_JOY}
    아기가 나를 보고 활짝 웃었다: ${KOREAN_JOY}
    첫 월급으로 부모님께 선물을 샀다: ${KOREAN_JOY}
    우리 선수가 금메달을 땄다: ${KOREAN_JOY}
    사랑하는 사람이 청혼을 받아 주었다: ${KOREAN_JOY}
    오랜 꿈이 드디어 이루어졌다: ${KOREAN_JOY}
    사랑하는 아내가 세상을 떠났다: ${KOREAN_SADNESS}
    키우던 고양이가 죽었다: ${KOREAN_SADNESS}
    고향이 물에 잠겨 사라졌다: ${KOREAN_SADNESS}
    아무도 나를 찾아오지 않는다: ${KOREAN_SADNESS}
    친한 친구의 장례식에 다녀왔다: ${KOREAN_SADNESS}
    그녀는 떠나며 한 번도 돌아보지 않았다: ${KOREAN_SADNESS}
    시험에 또 떨어져 울었다: ${KOREAN_SADNESS}
    돌아가신 아버지의 사진을 보았다: ${KOREAN_SADNESS}
    친구가 내 돈을 떼먹었다: ${KOREAN_ANGER}
    상사가 내 공을 가로챘다: ${KOREAN_ANGER}
    운전자가 욕을 하며 끼어들었다: ${KOREAN_ANGER}
    그 거짓말쟁이가 또 나를 속였다: ${KOREAN_ANGER}
    이웃이 밤새 쿵쿵거려 고함을 쳤다: ${KOREAN_ANGER}
    직원이 나를 무시하고 비웃었다: ${KOREAN_ANGER}
    누가 내 자전거를 부쉈다: ${KOREAN_ANGER}
    정치인이 세금을 훔쳤다: ${KOREAN_ANGER}
    불이 꺼지고 발소리가 들렸다: ${KOREAN_FEAR}
    늑대가 우리를 향해 달려왔다: ${KOREAN_FEAR}
    배가 가라앉고 있는데 수영을 못 한다: ${KOREAN_FEAR}
    낯선 남자가 문을 두드린다: ${KOREAN_FEAR}
    의사가 심각한 얼굴로 들어왔다: ${KOREAN_FEAR}
    폭탄이 터지는 소리가 가까워진다: ${KOREAN_FEAR}
    절벽 끝에서 다리가 떨린다: ${KOREAN_FEAR}
    아무도 없는 집에서 비명이 들렸다: ${KOREAN_FEAR}`,
  test: `
    이번 시험에 모두 합격했다: ${KOREAN_JOY}
    드디어 첫 손주가 태어났다: ${KOREAN_JOY}
    우리 팀이 마지막에 역전승했다: ${KOREAN_JOY}
    오랜 친구와 밤새 웃고 떠들었다: ${KOREAN_JOY}
    아내가 건강을 되찾았다: ${KOREAN_JOY}
    꿈꾸던 회사에서 연락이 왔다: ${KOREAN_JOY}
    아이가 처음으로 엄마라고 불렀다: ${KOREAN_JOY}
    온 가족이 함께 여행을 떠난다: ${KOREAN_JOY}
    십 년을 함께한 강아지를 묻었다: ${KOREAN_SADNESS}
    할머니의 빈 방을 오래 바라보았다: ${KOREAN_SADNESS}
    아무도 내 생일을 기억하지 않았다: ${KOREAN_SADNESS}
    헤어진 뒤로 매일 밤 울었다: ${KOREAN_SADNESS}
    친구가 먼 나라로 영영 떠났다: ${KOREAN_SADNESS}
    어머니의 마지막 편지를 읽었다: ${KOREAN_SADNESS}
    평생 일한 가게의 문을 닫았다: ${KOREAN_SADNESS}
    아들은 끝내 돌아오지 못했다: ${KOREAN_SADNESS}
    집주인이 또 거짓말을 했다: ${KOREAN_ANGER}
    그는 내 동생을 모욕했다: ${KOREAN_ANGER}
    사장이 직원들의 월급을 빼돌렸다: ${KOREAN_ANGER}
    뻔뻔하게 새치기를 하고도 웃었다: ${KOREAN_ANGER}
    약속을 어기고 내 탓만 했다: ${KOREAN_ANGER}
    누가 내 차를 긁고 도망쳤다: ${KOREAN_ANGER}
    손님이 점원에게 욕을 퍼부었다: ${KOREAN_ANGER}
    이제 더는 참을 수 없다고 소리쳤다: ${KOREAN_ANGER}
    어두운 골목에서 누가 따라온다: ${KOREAN_FEAR}
    텐트 밖에서 곰이 으르렁거렸다: ${KOREAN_FEAR}
    비행기가 갑자기 아래로 떨어졌다: ${KOREAN_FEAR}
    한밤중에 누군가 문고리를 돌렸다: ${KOREAN_FEAR}
    뒤에 뱀이 있으니 움직이지 마라: ${KOREAN_FEAR}
    수술을 앞두고 온몸이 떨렸다: ${KOREAN_FEAR}
    땅이 흔들리고 벽이 갈라졌다: ${KOREAN_FEAR}
    강도가 아직 잡히지 않아 잠을 못 잔다: ${KOREAN_FEAR}`,
});

/** Sentences that say a feeling strongly, and sentences that say one weakly. */
export interface Strengths {
  readonly strong: readonly string[];
  readonly weak: readonly string[];
}

/** Nothing is ever chosen by looking at those of `test`. */
type StrengthSets = Readonly<Record<"development" | "test", Strengths>>;

export const ENGLISH_STRENGTHS: StrengthSets = {
  development: {
    strong: [
      "She screamed with joy and could not stop",
      "I hate him more than anything in the world",
      "We cried for days after the funeral",
      "He was shaking with terror",
      "I love you with all my heart",
      "The crowd went wild with rage",
      "My whole body trembled with fear",
      "He sobbed until he could not breathe",
      "I was beside myself with happiness",
      "Never in my life have I been so angry",
      "It broke her heart into pieces",
      "They were overjoyed and danced in the streets",
    ],
    weak: [
      "The film was quite nice",
      "I was a bit tired yesterday",
      "The queue was slightly annoying",
      "It is a little sad that the shop closed",
      "The tea tasted fine",
      "She did not mind the noise much",
      "The news was mildly interesting",
      "He felt somewhat uneasy",
      "The weather was pleasant enough",
      "I rather like this chair",
      "The bus was a few minutes late",
      "They were not very worried",
    ],
  },
  test: {
    strong: [
      "He roared with laughter until tears ran down",
      "I could kill him for what he did",
      "The mother wailed over her dead child",
      "They fled from the fire in blind panic",
      "She worships the ground he walks on",
      "The fans went crazy when the goal fell",
      "I am sick with worry about my son",
      "Her betrayal nearly destroyed me",
      "He exploded and threw the plates at the wall",
      "We were in heaven on our wedding day",
      "The prisoners howled with despair",
      "My heart almost stopped with fright",
    ],
    weak: [
      "The lecture was all right, I suppose",
      "She would have liked a bit more sugar",
      "The hotel room was decent",
      "I was not quite happy with the haircut",
      "He found the joke moderately funny",
      "The dog barked now and then",
      "It was a fairly ordinary day",
      "They slightly prefer the blue curtains",
      "The soup could have been warmer",
      "I somewhat regret selling the bike",
      "The neighbours are nice enough",
      "He was a trifle late and apologised",
    ],
  },
};

export const KOREAN_STRENGTHS: StrengthSets = {
  development: {
    strong: [
      "너무 기뻐서 소리를 질렀다",
      "세상에서 그가 제일 밉다",
      "장례식 뒤로 며칠을 울었다",
      "무서워서 온몸이 떨렸다",
      "온 마음을 다해 당신을 사랑한다",
      "분노로 미칠 것 같았다",
      "가슴이 찢어질 듯 슬펐다",
      "숨이 막히도록 흐느꼈다",
      "행복해서 춤을 추었다",
      "태어나서 가장 화가 났다",
      "공포에 질려 비명을 질렀다",
      "미치도록 보고 싶다",
    ],
    weak: [
      "영화는 그럭저럭 괜찮았다",
      "어제는 조금 피곤했다",
      "줄이 약간 길었다",
      "가게가 닫아서 좀 아쉽다",
      "차 맛이 괜찮았다",
      "소음이 별로 신경 쓰이지 않았다",
      "소식은 조금 흥미로웠다",
      "왠지 살짝 불안했다",
      "날씨가 제법 좋았다",
      "이 의자가 마음에 드는 편이다",
      "버스가 몇 분 늦었다",
      "그다지 걱정하지 않았다",
    ],
  },
  test: {
    strong: [
      "배꼽이 빠지도록 웃었다",
      "그를 죽이고 싶을 만큼 밉다",
      "죽은 아이를 안고 울부짖었다",
      "불길을 피해 정신없이 달아났다",
      "그녀 없이는 단 하루도 살 수 없다",
      "골이 들어가자 관중이 열광했다",
      "아들 걱정에 밤을 꼬박 새웠다",
      "배신감에 치가 떨렸다",
      "격분해서 접시를 벽에 던졌다",
      "결혼식 날은 꿈처럼 황홀했다",
      "절망에 빠져 통곡했다",
      "놀라서 심장이 멎을 뻔했다",
    ],
    weak: [
      "강의는 그냥 들을 만했다",
      "설탕이 조금 더 있으면 좋겠다",
      "호텔 방은 무난했다",
      "머리 모양이 썩 마음에 들지는 않는다",
      "농담이 약간 우스웠다",
      "개가 가끔 짖었다",
      "별일 없는 하루였다",
      "파란 커튼이 조금 더 낫다",
      "국이 덜 따뜻했다",
      "자전거를 판 것이 살짝 아쉽다",
      "이웃들은 그런대로 친절하다",
      "그는 조금 늦어서 미안해했다",
    ],
  },
};
