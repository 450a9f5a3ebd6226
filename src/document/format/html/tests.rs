use proptest::prelude::*;

use super::*;

fn read(page: impl AsRef<[u8]>) -> Result<FileText, Error> {
    Html.read(RawFile::new("a.html", page.as_ref().to_vec()), &ReadOptions::default())
}

fn text(page: &str) -> String {
    read(page).expect("a page with text").text
}

fn is_html(name: &str, bytes: &[u8]) -> bool {
    Html.recognises(&RawFile::new(name, bytes))
}

#[test]
fn hidden_paragraphs_and_items_are_left_out_with_or_without_an_end_tag() {
    let page = "<p hidden>One.</p><p style='display: none'>Two.<p>Three.<div hidden><p>Four.</div><ul><li hidden>five<li>six<li style='display:none'>seven\
        </ul><p>Eight.";
    assert_eq!(text(page), "Three.\n\n- six\n\nEight.\n");
}

#[test]
fn a_page_is_known_by_its_start_whatever_its_name() {
    assert!(is_html("-", b"\xef\xbb\xbf\n<!DOCTYPE HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>"));
    assert!(is_html("notes.txt", b"<?xml version='1.0'?><!-- made by hand --><html xmlns='x'>"));
    assert!(is_html("part.html", b"<p>a part of a page"));
    assert!(!is_html("README.md", b"<p align='center'><img src='logo.png'></p>\n\n# Title\n"));
    assert!(!is_html("picture.svg", b"<?xml version='1.0'?><svg xmlns='x'></svg>"));
    assert!(!is_html("text.html", b"no tag at all"));
}

#[test]
fn headings_lists_tables_and_code_become_readable_text() {
    let page =
        "<!DOCTYPE html><title>T</title><h1>Cats &amp; dogs</h1><p>One\n  paragraph<br>of <b>two</b> lines.<p>Another
        <ul><li>one<ol start=3><li>three<li>four</ol><li><p>two</p></ul>
        <table><caption>Prices</caption><tr><th>what<th>price<tr><td>cat<td>3&nbsp;€</table>
        <pre><code>fn main() {\n    body();\n}\n</code></pre><h2>Terms</h2><dl><dt>cat<dd>purrs</dl>";
    let expected = "# Cats & dogs\n\nOne paragraph\nof two lines.\n\nAnother\n\n- one\n  3. three\n  4. four\n- two\n\nPrices\n\n\
        what | price\ncat | 3 €\n\nfn main() {\n    body();\n}\n\n## Terms\n\ncat\n  purrs\n";
    assert_eq!(text(page), expected);
}

#[test]
fn headings_are_the_outline() {
    let file = read("<h1>A</h1>a<h2>A <i>one</i></h2>x<h1>B</h1>b").expect("a page");
    let outline: Vec<(u8, &str, &str)> = file
        .outline
        .iter()
        .map(|entry| (entry.level, entry.title.as_str(), &file.text[entry.span.start..entry.span.end]))
        .collect();
    let expected =
        [(1, "A", "# A\n\na\n\n## A one\n\nx\n\n"), (2, "A one", "## A one\n\nx\n\n"), (1, "B", "# B\n\nb\n")];
    assert_eq!(outline, expected);
}

#[test]
fn around_a_main_part_navigation_goes_and_the_report_says_so() {
    let page = "<body><header><h1>Site</h1></header><div role=navigation><div>Home</div> Search</div>
        <main><header><h1>Title</h1></header><p>Text<aside>Note</aside></main><footer>Imprint</footer></body>";
    let file = read(page).expect("a page");
    assert_eq!(file.text, "# Title\n\nText\n\nNote\n");
    assert_eq!(file.report.remarks, ["navigation, header and footer around the main content skipped (31 bytes)"]);
}

#[test]
fn without_a_main_part_all_stays() {
    assert_eq!(text("<nav>Home</nav><div>Text</div><footer>Imprint</footer>"), "Home\n\nText\n\nImprint\n");
    assert_eq!(text("<nav>Home</nav><main> </main><div>Text</div>"), "Home\n\nText\n", "an empty main part is none");
}

#[test]
fn scripts_styles_and_choices_are_no_text() {
    let page = "<style>p{}</style><script>if (a<b) document.write('<p>x</p>')</script><p>Text
        <select><option>Deutsch<option>English</select><svg><title>icon</title><path d=x /></svg><template><p>x</template> goes on";
    assert_eq!(text(page), "Text goes on\n");
}

#[test]
fn pictures_notes_powers_and_readings_are_told() {
    let page = "<p>See <img alt='a cat'><img alt=''> and x<sup>2</sup>, noted<sup><a href='#n'>1</a></sup>, the 1<sup>st</sup>, \
        <ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>";
    assert_eq!(text(page), "See [a cat] and x^2, noted[1], the 1st, 漢字(かんじ)\n");
}

#[test]
fn formulas_keep_their_meaning_in_every_notation() {
    let page = "<p>Half is <math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>, \
        <math><msup><mi>x</mi><mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow></msup><mo>=</mo><msqrt><mi>y</mi></msqrt></math>. \
        KaTeX: <span class='katex'><span class='katex-mathml'><math><semantics><mrow><mfrac><mn>1</mn><mn>2</mn></mfrac></mrow>\
        <annotation encoding='application/x-tex'>\\frac{1}{2}</annotation></semantics></math></span><span class='katex-html' aria-hidden='true'>12</span></span>. \
        Wiki: <span style='display: none;'><math alttext='{\\displaystyle E}'><mi>E</mi></math></span><img alt='{\\displaystyle E=mc^{2}}'>. \
        Small: 10<sup>-9</sup>, a<sup>n</sup>, b<sup>n+1</sup>, the 3<sup>rd</sup>.";
    let expected =
        "Half is 1/2, x^(n+1)=sqrt(y). KaTeX: $\\frac{1}{2}$. Wiki: $E=mc^{2}$. Small: 10^-9, a^n, b^(n+1), the 3rd.\n";
    assert_eq!(text(page), expected);
}

#[test]
fn what_nobody_sees_is_left_out_and_counted() {
    let file = read("<p>Seen <span hidden>secret</span><span style='display:none'>gone</span><div style='visibility: hidden'>x</div> end.").expect("a page");
    assert_eq!(file.text, "Seen end.\n");
    assert_eq!(file.report.remarks, ["3 hidden elements left out"]);
}

#[test]
fn a_heading_loses_the_sign_that_links_to_it_and_crossed_out_text_is_marked() {
    let page = "<h2>Lamps<a class='headerlink' href='#lamps' title='Link'>¶</a></h2><p><del>5 euro</del>4 euro, <a href='#x'>§ 3</a>";
    assert_eq!(text(page), "## Lamps\n\n~~5 euro~~ 4 euro, § 3\n");
}

#[test]
fn the_title_of_a_page_is_in_its_text_wherever_it_stands() {
    let in_header = "<title>Lamps</title><header><h1>How lamps work</h1><p>By A. Keeper</p><nav>Home</nav></header><main><p>They turn.</main>";
    assert_eq!(text(in_header), "# How lamps work\n\nBy A. Keeper\n\nThey turn.\n");
    assert_eq!(text("<title>How lamps\n work</title><p>They turn."), "# How lamps work\n\nThey turn.\n");
    assert_eq!(text("<title>Site</title><h2>Lamps</h2><p>They turn."), "## Lamps\n\nThey turn.\n");
    assert_eq!(text("<title>They turn.</title><p>They turn."), "They turn.\n", "it is there already");
}

#[test]
fn formulas_in_scripts_are_read_and_sums_and_accents_keep_their_meaning() {
    assert_eq!(
        text(r"<p>So <script type='math/tex; mode=display'>\frac{a}{b}</script> holds."),
        "So $\\frac{a}{b}$ holds.\n"
    );
    let sum = "<math><munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><msup><mi>i</mi><mn>2</mn></msup></math>";
    assert_eq!(text(&format!("<p>{sum}")), "∑_(i=1)^n i^2\n");
    let mean = "<math><mover><mi>x</mi><mo>¯</mo></mover><mo>=</mo><mfenced><mi>a</mi><mi>b</mi></mfenced></math>";
    assert_eq!(text(&format!("<p>{mean}")), "x\u{304}=(a, b)\n");
}

#[test]
fn a_page_for_a_script_has_no_text() {
    let error =
        read("<html><div id=root></div><noscript>You need to enable JavaScript.</noscript>").expect_err("nothing");
    assert!(error.to_string().contains("no text"), "{error}");
}

#[test]
fn code_in_an_item_keeps_its_indents_below_the_item() {
    assert_eq!(
        text("<ol><li>Do this:<pre>def f():\n    if x:\n        return 1\n</pre></ol>"),
        "1. Do this:\n\n  def f():\n      if x:\n          return 1\n"
    );
    assert_eq!(
        text("<ul><li>a<ul><li><pre>a:\n  b:\n    c: 1</pre></ul></ul>"),
        "- a\n  - a:\n      b:\n        c: 1\n"
    );
    assert_eq!(text("<dl><dt>T<dd><pre>x {\n  y\n}</pre></dl>"), "T\n\n  x {\n    y\n  }\n");
}

#[test]
fn a_cell_that_claims_a_hundred_columns_adds_no_empty_ones() {
    assert_eq!(text("<table><tr><td>a<td>b<tr><td colspan=99>note</table>"), "a | b\nnote\n");
}

#[test]
fn cells_that_span_rows_and_columns_leave_the_others_in_place() {
    let page = "<table><tr><th rowspan=2>Name<th colspan=2>Years<th>Sum<tr><th>2024<th>2025<th>all<tr><td>North<td>1<td>2<td>3</table>";
    assert_eq!(text(page), "Name | Years |  | Sum\n | 2024 | 2025 | all\nNorth | 1 | 2 | 3\n");
    let hostile = format!("<table><tr>{}", "<td colspan=1000000 rowspan=1000000>x".repeat(1000));
    assert!(text(&hostile).len() < 1 << 20);
}

#[test]
fn xhtml_is_read_as_xml_by_its_name_its_type_or_its_namespace() {
    let head = "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title/><script src='k.js'/></head><body><p>Before.</p>";
    let page = format!("{head}<iframe src='x'/><p><![CDATA[Two < three]]></p><p>After.</p></body></html>");
    assert_eq!(text(&page), "Before.\n\nTwo < three\n\nAfter.\n");
    let plain = "<html><head><title/></head><body><p>After.</p></body></html>";
    let named = Html.read(RawFile::new("a.xhtml", plain), &ReadOptions::default()).expect("a page");
    assert_eq!(named.text, "After.\n");
}

#[test]
fn layout_by_tables_stays_readable() {
    let page = "<table><tr><td><ul><li>Home<li>News</ul><td><h1>Title</h1><p>First.<p>Second.</table>";
    assert_eq!(text(page), "- Home\n- News\n\n# Title\n\nFirst.\n\nSecond.\n");
}

#[test]
fn unclosed_and_stray_tags_lose_no_text() {
    assert_eq!(
        text("<div><h1>A<div>b</div></h1></i></table><td>c<tr>d</div><li>e</ul></p>f"),
        "# A b\n\nc\nd\n\n- e\n\nf\n"
    );
    assert_eq!(text("<table><tr><td>a</div><td>b</table>c"), "a | b\n\nc\n");
}

#[test]
fn escapes_in_references_are_shown_and_counted() {
    let file = read("<h1>a&#27;[31m</h1><pre>b&#x9b;2J&#10;c</pre>").expect("a page");
    assert_eq!(file.text, "# a␛[31m\n\nb›2J\nc\n", "&#x9b; is Windows-1252's quote, as in browsers");
    assert_eq!((file.outline[0].title.as_str(), file.report.control_characters), ("a␛[31m", 1));
}

#[test]
fn the_encoding_is_what_the_page_says_and_reported() {
    let read = |page: &[u8]| read(page).expect("a page");
    let declared = read(b"<meta charset=latin1><p>caf\xe9");
    assert_eq!((declared.text.as_str(), declared.report.encoding.name), ("café\n", "windows-1252"));
    assert_eq!(declared.report.notes(), Vec::<String>::new());
    assert_eq!(read(b"<p>caf\xe9").report.notes(), ["a.html: read as windows-1252, which is a guess from few letters"]);
}

#[test]
fn a_page_without_text_is_an_error() {
    let error = read("<html><script>fill()</script><div id=app></div>").expect_err("nothing in it");
    assert_eq!(error.to_string(), "cannot read a.html: it is an HTML page that contains no text (47 bytes)");
}

#[test]
fn a_hundred_thousand_nested_elements_are_read() {
    for (open, close) in [
        ("<div>", "</div>"),
        ("<div><b>", "</i></div>"),
        ("<ul><li>", "</ul>"),
        ("<table><tr><td>a", "</table>"),
        ("<table>", ""),
        ("<nav>", ""),
        ("<svg>", "</p>"),
        ("<a name=x>x", "</div>"),
        ("<pre>a\n", ""),
        ("<h1>", ""),
        ("<sup>1", ""),
    ] {
        let page = format!("<p>start</p>{}deep{}", open.repeat(100_000), close.repeat(100_000));
        assert!(text(&page).starts_with("start\n"), "{open}");
    }
}

proptest! {
    #[test]
    fn any_tags_give_ordered_spans_and_printable_text(tags in proptest::collection::vec(any_tag(), 0..60)) {
        if let Ok(file) = read(tags.concat()) {
            prop_assert!(file.text.chars().all(|char| char == '\n' || char == '\t' || !char.is_control()), "{:?}", file.text);
            prop_assert!(file.outline.is_sorted_by_key(|entry| entry.span.start), "{:?}", file.outline);
            for entry in &file.outline {
                let before = &file.text[..entry.span.start];
                prop_assert!(before.is_empty() || before.ends_with('\n'), "{:?} in {:?}", entry, file.text);
                prop_assert!(file.text.get(entry.span.start..entry.span.end).is_some(), "{:?}", entry);
            }
        }
    }

    #[test]
    fn every_word_of_a_page_is_in_its_text(tags in proptest::collection::vec(visible_tag(), 0..60)) {
        let with_word = |(number, tag): (usize, &String)| format!("{tag}w{number}w ");
        let page: String = tags.iter().enumerate().map(with_word).collect();
        if let Ok(file) = read(&page) {
            for number in 0..tags.len() {
                let word = format!("w{number}w");
                prop_assert_eq!(file.text.matches(&word).count(), 1, "{} of {} in {:?}", word, page, file.text);
            }
        }
    }
}

fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof![
        visible_tag(),
        "[a-z &;#\u{1b}\u{a0}\n\"'<>/=-]{0,12}",
        Just("<script>".into()),
        Just("<!--".into()),
        Just("<nav>".into())
    ]
}

fn visible_tag() -> impl Strategy<Value = String> {
    let names =
        "div p h1 h2 h6 ul ol li dl dt dd table tr td th tbody caption pre b a sup br hr blockquote section article rt";
    let names: Vec<&str> = names.split(' ').collect();
    (any::<bool>(), proptest::sample::select(names))
        .prop_map(|(opens, name)| format!("<{}{name}>", if opens { "" } else { "/" }))
}
