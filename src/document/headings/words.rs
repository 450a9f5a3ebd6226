//! The words that begin headings, by language, with their ranks.
//!
//! Most headings are a word with a number, before or behind it: `Kapitel 3`, `3. Kapitel`, `Drittes Kapitel`. Ordinals
//! are not listed: a line of two words, one of them from this list, is a heading.

/// Whether a word may have any other word as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    /// `Глава первая`: it is rarely a paragraph of two words.
    ByAnyWord,
    /// `Book II`: only numbers count, because `Book him` is a sentence.
    ByNumbers,
}

/// A word that begins a heading.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownWord {
    /// 1 is the outermost.
    pub rank: u8,
    pub numbered: Numbered,
}

/// Words of English, and of other languages those that mean something else, too.
const BY_NUMBERS: &[(u8, &[&str])] = &[
    (1, &["volume", "vol.", "tome", "tomo", "том", "tom", "svazek", "volumen"]),
    (2, &["book", "livre", "libro", "livro", "bok", "bog", "boek", "kniha", "liber", "buch", "cartea"]),
    (
        3,
        &[
            "part", "act", "parte", "del", "deel", "osa", "akt", "acte", "acto", "atto", "ato", "teil", "partie",
            "kısım", "pars", "actus",
        ],
    ),
    (
        4,
        &[
            "chapter",
            "letter",
            "canto",
            "stave",
            "scene",
            "sonnet",
            "psalm",
            "lesson",
            "fable",
            "story",
            "episode",
            "sermon",
            "caput",
            "bab",
            "carta",
            "list",
            "lettre",
            "lettera",
            "brief",
            "szene",
            "scène",
            "escena",
            "scena",
            "cena",
            "chant",
            "gesang",
            "unit",
            "lecture",
            "essay",
            "night",
            "day",
            "fytte",
            "adventure",
            "cap.",
            "kap.",
            "chap.",
            "gl.",
        ],
    ),
    (
        5,
        &[
            "section",
            "article",
            "§",
            "abschnitt",
            "artikel",
            "section",
            "sección",
            "seção",
            "sezione",
            "exercise",
            "appendix",
        ],
    ),
];

/// Words that a line of two words hardly ever has otherwise.
const BY_ANY_WORD: &[(u8, &[&str])] = &[
    (2, &["книга", "księga", "κνιγα", "βιβλίο", "книжка", "könyv"]),
    (3, &["часть", "частина", "część", "část", "rész", "μέρος", "действие", "дія", "bölümü", "الباب", "חלק"]),
    (
        4,
        &[
            "kapitel",
            "chapitre",
            "capítulo",
            "capitulo",
            "capitolo",
            "capitolul",
            "capítol",
            "глава",
            "розділ",
            "раздел",
            "rozdział",
            "kapitola",
            "hoofdstuk",
            "luku",
            "kapittel",
            "kapitlet",
            "fejezet",
            "bölüm",
            "κεφάλαιο",
            "κεφαλαιον",
            "ĉapitro",
            "письмо",
            "сцена",
            "явление",
            "caibidil",
            "poglavlje",
            "поглавље",
            "глава:",
            "الفصل",
            "فصل",
            "פרק",
            "अध्याय",
            "chương",
            "บทที่",
            "অধ্যায়",
            "அத்தியாயம்",
        ],
    ),
];

/// Looks up `word`, in any case.
pub(super) fn known(word: &str) -> Option<KnownWord> {
    let lower = word.to_lowercase();
    let find = |table: &[(u8, &[&str])], numbered| {
        let row = table.iter().find(|(_, words)| words.contains(&lower.as_str()));
        row.map(|&(rank, _)| KnownWord { rank, numbered })
    };
    find(BY_ANY_WORD, Numbered::ByAnyWord).or_else(|| find(BY_NUMBERS, Numbered::ByNumbers))
}

/// Signs behind a number in Chinese, Japanese and Korean headings, with their ranks: `第三回`, `제1장`.
const COUNTERS: &[(char, u8)] = &[
    ('卷', 2),
    ('巻', 2),
    ('部', 2),
    ('篇', 3),
    ('編', 3),
    ('编', 3),
    ('集', 3),
    ('幕', 3),
    ('章', 4),
    ('回', 4),
    ('話', 4),
    ('话', 4),
    ('折', 4),
    ('講', 4),
    ('讲', 4),
    ('課', 4),
    ('课', 4),
    ('出', 4),
    ('場', 5),
    ('场', 5),
    ('節', 5),
    ('节', 5),
    ('부', 2),
    ('권', 2),
    ('편', 3),
    ('막', 3),
    ('장', 4),
    ('화', 4),
    ('절', 5),
];

/// The rank of the counter `sign`.
pub(super) fn counter(sign: char) -> Option<u8> {
    COUNTERS.iter().find(|(known, _)| *known == sign).map(|&(_, rank)| rank)
}
