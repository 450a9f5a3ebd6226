use super::numbers::{ideographic, number};
use super::*;

fn titles(text: &str) -> Vec<(u8, String)> {
    headings(text, Likeness::Prose).into_iter().map(|entry| (entry.level, entry.title)).collect()
}

fn expected(entries: &[(u8, &str)]) -> Vec<(u8, String)> {
    entries.iter().map(|(level, title)| (*level, (*title).to_owned())).collect()
}

#[test]
fn numbers_are_read_however_they_are_written() {
    let cases =
        [("12", 12), ("XII", 12), ("xiv", 14), ("Twelve", 12), ("TWELFTH", 12), ("twenty-one", 21), ("fortieth", 40)];
    for (written, value) in cases {
        assert_eq!(number(written), Some(value), "{written}");
    }
    for word in ["MIX", "Xi", "house", "", "2000", "twenty-eleven"] {
        assert_eq!(number(word), None, "{word}");
    }
}

#[test]
fn volumes_stand_above_chapters() {
    let text = "VOLUME I\n\nCHAPTER I\n\nText.\n\nCHAPTER II\n\nText.\n\nVOLUME II\n\nCHAPTER III\n\nText.\n";
    let titles = titles(text);
    let wanted = [(1, "VOLUME I"), (2, "CHAPTER I"), (2, "CHAPTER II"), (1, "VOLUME II"), (2, "CHAPTER III")];
    assert_eq!(titles, expected(&wanted));
}

#[test]
fn letters_and_chapters_stand_side_by_side() {
    let text = "Letter 1\n\nDear sister.\n\nLetter 2\n\nMore.\n\nChapter 1\n\nI was born.\n";
    assert_eq!(titles(text), expected(&[(1, "Letter 1"), (1, "Letter 2"), (1, "Chapter 1")]));
}

#[test]
fn a_title_is_taken_from_the_same_line_or_the_next_paragraph() {
    let text = "  CHAPTER I\n\n Down  the Rabbit-Hole\n\n\nAlice was.\n\nCHAPTER II. Of Tears\n\n\"Curiouser!\"\n\nBOOK THE THIRD\n\nIt rained.\n";
    let wanted = [(2, "CHAPTER I: Down the Rabbit-Hole"), (2, "CHAPTER II. Of Tears"), (1, "BOOK THE THIRD")];
    assert_eq!(titles(text), expected(&wanted));
}

#[test]
fn prose_that_begins_like_a_heading_is_none() {
    let text = "Part of the ship\n\nBook I lent him was gone.\n\nChapter 3 of it was lost\n\nLetter I's end\n\n\
                Act one. We saw it together,\nand it was long, and we went\nhome after it.\n\nPart\n\n";
    assert_eq!(titles(text), []);
}

#[test]
fn a_line_within_a_paragraph_is_no_heading() {
    assert_eq!(titles("He opened\nChapter 1\nand read\n\nThen\nChapter 2\nand slept\n"), []);
}

#[test]
fn a_table_of_contents_is_left_out() {
    let contents = "CONTENTS\n\nCHAPTER I. Here\nCHAPTER II. There\n\n";
    let body = "CHAPTER I. Here\n\nText.\n\nCHAPTER II. There\n\nText.\n";
    let outline = headings(&format!("{contents}{body}"), Likeness::Prose);
    let starts: Vec<usize> = outline.iter().map(|entry| entry.span.start).collect();
    assert_eq!(starts, [contents.len(), contents.len() + "CHAPTER I. Here\n\nText.\n\n".len()]);
}

#[test]
fn a_running_head_opens_no_part() {
    let text = "ACT I\n\nSCENE I\tA wood.\n\nWords.\n\nACT I\n\nSCENE II\tA palace.\n\nWords.\n\nACT II\n\nSCENE I\tA wood.\n\nWords.\n";
    let wanted =
        [(1, "ACT I"), (2, "SCENE I A wood."), (2, "SCENE II A palace."), (1, "ACT II"), (2, "SCENE I A wood.")];
    assert_eq!(titles(text), expected(&wanted));
}

#[test]
fn one_heading_alone_is_no_outline() {
    assert_eq!(titles("Chapter 1\n\nText.\n"), []);
}

/// Six chapters with these headings, each with three paragraphs below.
fn book(titles: [&str; 6]) -> String {
    let paragraph = "The keeper went down to the harbour in the morning, and he counted the boats.\n\n";
    titles.iter().map(|title| format!("{title}\n\n{}", paragraph.repeat(3))).collect()
}

#[test]
fn headings_are_found_in_every_language_and_style() {
    let books = [
        [
            "Erstes Kapitel",
            "Zweites Kapitel",
            "Drittes Kapitel",
            "Viertes Kapitel",
            "Fünftes Kapitel",
            "Letztes Kapitel",
        ],
        ["1. Kapitel", "2. Kapitel", "3. Kapitel Der Hafen", "4. Kapitel: See", "5. KAPITEL", "6. Kapitel"],
        ["Kapitel 1", "Kapitel 2 Der Hafen", "KAPITEL III", "Kapitel Vier", "Kapitel 5: Ende", "Kapitel 6"],
        ["Chapitre premier", "Chapitre II", "CHAPITRE III", "Chapitre IV. La mer", "Chapitre 5", "Chapitre VI"],
        ["Capítulo primero", "Capítulo II", "CAPÍTULO III", "Capítulo IV", "Capítulo 5", "Capítulo VI"],
        ["Capitolo primo", "Capitolo secondo", "CAPITOLO III", "Capitolo IV", "Capitolo 5", "Capitolo VI"],
        ["Глава первая", "Глава вторая", "ГЛАВА III", "Глава 4. Море", "Глава V", "Глава шестая"],
        ["Розділ 1", "Розділ 2", "РОЗДІЛ 3", "Розділ 4", "Розділ V", "Розділ шостий"],
        ["Rozdział pierwszy", "Rozdział drugi", "ROZDZIAŁ III", "Rozdział 4", "Rozdział V", "Rozdział VI"],
        ["I. fejezet", "II. fejezet", "III. fejezet", "IV. fejezet", "V. fejezet", "VI. fejezet"],
        ["Birinci Bölüm", "İkinci Bölüm", "Bölüm 3", "Bölüm 4", "Bölüm 5", "Bölüm 6"],
        ["Hoofdstuk 1", "Hoofdstuk 2", "HOOFDSTUK 3", "Hoofdstuk IV", "Hoofdstuk vijf", "Hoofdstuk 6"],
        ["Κεφάλαιο 1", "Κεφάλαιο 2", "ΚΕΦΆΛΑΙΟ 3", "Κεφάλαιο 4", "Κεφάλαιο 5", "Κεφάλαιο 6"],
        ["第一回", "第二回　海", "第三回 港", "第四回甄士隐梦幻识通灵", "第十回", "第１１回"],
        ["第一章　先生と私", "第二章　先生と私", "第三章", "第四章", "第五章", "第六章"],
        ["제1장", "제2장 바다", "제 3 장", "제4장", "제5장", "제6장"],
        ["الفصل الأول", "الفصل الثاني", "الفصل الثالث", "الفصل الرابع", "الفصل الخامس", "الفصل السادس"],
        [
            "The First Chapter",
            "The Second Chapter",
            "THE THIRD CHAPTER",
            "Fourth Chapter",
            "The Fifth Chapter",
            "The Sixth Chapter",
        ],
        ["SECTION 1", "SECTION 2", "Section 3. Boats", "SECTION 4", "SECTION 5", "SECTION 6"],
        ["I.", "II.", "III.", "IV.", "V.", "VI."],
        ["I", "II", "III", "IV", "V", "VI"],
        ["I. A Scandal", "II. The Sea", "III. BOATS", "IV. The End?", "V. After", "VI. Later"],
        ["1. Of Cats", "2. Of Dogs", "3. Of Boats", "4. Of the Sea", "5. What is it?", "6. Of Harbours"],
        ["1 Of Cats", "1.1 Small Cats", "1.2 Large Cats", "2 Of Dogs", "2.1 Small Dogs", "3 Of Boats"],
        ["一", "二", "三", "四", "五", "六"],
        ["OF CATS", "OF DOGS", "OF BOATS", "OF THE SEA", "OF HARBOURS", "THE END"],
        ["3 May 1897", "4 May", "Monday, 5 May", "May 6th, 1897", "7th of May", "June 1"],
        ["3. Mai 1897", "4. Mai", "Montag, den 5. Mai", "6. Juni", "7. Juli", "8. August"],
        ["1897-05-03", "1897-05-04", "1897-05-05", "1897-05-06", "1897-05-07", "1897-05-08"],
        [
            "Of Cats\n=======",
            "Of Dogs\n=======",
            "Of Boats\n--------",
            "Of Oars\n-------",
            "Of Sails\n--------",
            "End\n===",
        ],
    ];
    for titles in books {
        let found = headings(&book(titles), Likeness::Prose);
        assert_eq!(found.len(), 6, "{titles:?} gave {found:?}");
        let first = titles[0].lines().next().expect("a line").replace('\u{3000}', " ");
        assert!(found[0].title.starts_with(&first), "{found:?}");
    }
}

#[test]
fn numbers_of_several_levels_are_levels() {
    let found =
        titles(&book(["1 Of Cats", "1.1 Small Cats", "1.2 Large Cats", "2 Of Dogs", "2.1 Small Dogs", "3 Of Boats"]));
    let levels: Vec<u8> = found.iter().map(|(level, _)| *level).collect();
    assert_eq!(levels, [1, 2, 2, 1, 2, 1]);
}

#[test]
fn lists_speakers_and_shouts_are_no_headings() {
    let steps: String = (1..=6).map(|step| format!("{step}. Stir the soup\n\n")).collect();
    let play = "HAMLET\n\nTo be, or not to be, that is the question, and it has been asked before by others.\n\n\
                OPHELIA\n\nGood my lord, how does your honour for this many a day, and the day before that?\n\n";
    let shout = format!("{}STOP\n\n{}", "He went on.\n\n".repeat(40), "He went on.\n\n".repeat(40));
    let sentences =
        book(["I am here.", "I went there", "Chapter by chapter", "Part of it", "Le premier livre", "Das Buch"]);
    for text in [steps, play.repeat(10), shout, sentences] {
        assert_eq!(titles(&text), [], "{text}");
    }
}

#[test]
fn code_has_no_headings_but_certain_ones() {
    let text = book(["1. Of Cats", "2. Of Dogs", "3. Of Boats", "4. Of the Sea", "5. What is it?", "6. Of Harbours"]);
    assert_eq!(headings(&text, Likeness::Other), []);
}

#[test]
fn a_long_chapter_is_searched_for_smaller_headings() {
    let inner = book(["I.", "II.", "III.", "IV.", "V.", "VI."])
        .replace(
            "boats.\n\n",
            "boats.\n\nAll of them.\n\nAnd he went home again, with his mind at ease, to have a cup of tea.\n\n",
        )
        .repeat(12);
    let text = format!("Chapter 1\n\n{inner}Chapter 2\n\nShort.\n");
    let found = titles(&text);
    assert_eq!((found.len(), &found[0], &found[1]), (2 + 72, &(1, "Chapter 1".to_owned()), &(2, "I.".to_owned())));
}

#[test]
fn ideographic_numbers_are_read() {
    for (written, value) in [("十二", 12), ("二十", 20), ("百三", 103), ("廿一", 21), ("１２", 12), ("一二〇", 120)]
    {
        assert_eq!(ideographic(written), Some(value), "{written}");
    }
    assert_eq!(ideographic("先生"), None);
}

#[test]
fn what_looks_like_a_title_in_an_example_is_none() {
    let text = "Of Cats\n=======\n\nText::\n\n   Not\n   ===\n\nOf Dogs\n=======\n\nText.\n";
    assert_eq!(titles(text), expected(&[(1, "Of Cats"), (1, "Of Dogs")]));
}

#[test]
fn chapters_of_finnish_have_ordinals() {
    let text = "Ensimmäinen luku\n\nTeksti.\n\nToinen luku\n\nTeksti.\n\nKolmas luku\n\nTeksti.\n";
    assert_eq!(titles(text), expected(&[(1, "Ensimmäinen luku"), (1, "Toinen luku"), (1, "Kolmas luku")]));
}

#[test]
fn blank_lines_are_not_remembered_one_by_one() {
    let text = format!("Chapter 1\n{}Text.\n\nChapter 2\n\nMore.\n", "\n".repeat(100_000));
    assert!(lines::lines(&text).len() < 12);
    assert_eq!(titles(&text), expected(&[(1, "Chapter 1"), (1, "Chapter 2")]));
}
