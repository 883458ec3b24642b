/**
 * Sentences with a feeling and whom or what it is about. No preset was chosen by them: the prompts of `emotion` are older.
 */
import { subjectLines, type Subject } from "./subjects.ts";

const JOY = "joy/joyful/happy/happiness/delight/excitement/excited/pleasure/gratitude";
const SADNESS = "sadness/sad/grief/sorrow/sorrowful/heartbroken/despair/loneliness/lonely";
const ANGER = "anger/angry/rage/fury/furious/outrage/annoyance/hatred/hate/contempt/disgust";
const FEAR = "fear/afraid/scared/terror/terrified/fright/anxiety/anxious/panic/dread";

/** English: the feeling, and towards whom. */
export const ENGLISH_FEELINGS: readonly Subject[] = subjectLines(
  ["feeling", "towards"],
  `
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
);

const KOREAN_JOY = "기쁨/기쁘/기뻐/행복/즐거움/즐거/환희/설렘/감동/신남";
const KOREAN_SADNESS = "슬픔/슬프/슬퍼/우울/비애/외로움/그리움/눈물/절망";
const KOREAN_ANGER = "분노/화남/화가/짜증/격분/증오/미움";
const KOREAN_FEAR = "공포/두려움/두렵/무서움/무섭/불안/겁";

/** Korean: the feeling. */
export const KOREAN_FEELINGS: readonly Subject[] = subjectLines(
  ["feeling"],
  `
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
);
