//! Writes formulas of `MathML` on one line, so that they keep their meaning: ½ is `1/2`, not `12`.
//!
//! `<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>` becomes `a/(b+1)`. If the formula is also
//! there in TeX (an annotation, or `alttext`), that is used, between dollar signs.

/// Deeper formulas are written without structure.
const DEEPEST: usize = 64;

/// A formula that is being read.
#[derive(Debug, Default)]
pub(in super::super) struct Formula {
    open: Vec<OpenNode>,
    /// Elements that are open below [`DEEPEST`].
    too_deep: usize,
    tex: Option<String>,
    written: String,
}

#[derive(Debug)]
struct OpenNode {
    name: String,
    /// What each element in it says. The last is still written if `is_open`.
    children: Vec<String>,
    /// Whether it is an annotation in TeX, or in another language.
    annotation: Option<Annotation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Annotation {
    Tex,
    Other,
}

impl Formula {
    /// A formula whose `alttext` is this.
    pub(in super::super) fn new(alttext: Option<&str>) -> Self {
        Self { tex: alttext.map(tex).filter(|tex| !tex.is_empty()), ..Self::default() }
    }

    /// A formula in TeX.
    pub(in super::super) fn of_tex() -> Self {
        let open = OpenNode { name: "script".into(), children: Vec::new(), annotation: Some(Annotation::Tex) };
        Self { open: vec![open], ..Self::default() }
    }

    pub(in super::super) fn open(&mut self, name: &str, encoding: Option<&str>) {
        if self.open.len() == DEEPEST {
            self.too_deep += 1;
            return;
        }
        let is_tex = encoding.is_some_and(|encoding| encoding.contains("tex") || encoding.contains("TeX"));
        let annotation = matches!(name, "annotation" | "annotation-xml").then_some(if is_tex {
            Annotation::Tex
        } else {
            Annotation::Other
        });
        self.open.push(OpenNode { name: name.into(), children: Vec::new(), annotation });
    }

    pub(in super::super) fn text(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match self.open.last_mut() {
            Some(node) => node.children.push(text.into()),
            None => self.written.push_str(text),
        }
    }

    pub(in super::super) fn close(&mut self, name: &str) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        if !self.open.iter().any(|node| node.name == name) {
            return;
        }
        while let Some(node) = self.open.pop() {
            let is_it = node.name == name;
            self.end(&node);
            if is_it {
                return;
            }
        }
    }

    fn end(&mut self, node: &OpenNode) {
        match node.annotation {
            Some(Annotation::Tex) => self.tex = Some(tex(&node.children.join(" "))).filter(|tex| !tex.is_empty()),
            Some(Annotation::Other) => {}
            None => {
                let written = written(&node.name, &node.children);
                match self.open.last_mut() {
                    Some(outer) => outer.children.push(written),
                    None => self.written.push_str(&written),
                }
            }
        }
    }

    /// The formula on one line.
    pub(in super::super) fn finish(mut self) -> String {
        while let Some(node) = self.open.pop() {
            self.end(&node);
        }
        self.tex.map_or(self.written, |tex| format!("${tex}$"))
    }
}

/// `{\displaystyle x}` as people write it.
pub(super) fn tex(written: &str) -> String {
    let written = written.trim();
    let inner = written.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.and_then(|inner| {
        ["\\displaystyle", "\\textstyle"].iter().find_map(|style| inner.trim_start().strip_prefix(style))
    });
    inner.unwrap_or(written).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn written(name: &str, children: &[String]) -> String {
    let child = |index: usize| children.get(index).map_or("", String::as_str);
    match (name, children.len()) {
        ("mover", 2) if let Some(accent) = combining(child(1)) => format!("{}{accent}", child(0)),
        ("munder" | "munderover" | "msub" | "msubsup", 2..) if is_large(child(0)) => {
            let limits =
                children.iter().skip(1).zip(["_", "^"]).map(|(limit, sign)| format!("{sign}{}", grouped(limit)));
            format!("{}{} ", child(0), limits.collect::<String>())
        }
        ("mfenced", _) => format!("({})", children.join(", ")),
        ("mfrac", 2) => format!("{}/{}", grouped(child(0)), grouped(child(1))),
        ("msup" | "mover", 2) => format!("{}^{}", grouped(child(0)), grouped(child(1))),
        ("msub" | "munder", 2) => format!("{}_{}", grouped(child(0)), grouped(child(1))),
        ("msubsup" | "munderover", 3) => {
            format!("{}_{}^{}", grouped(child(0)), grouped(child(1)), grouped(child(2)))
        }
        ("msqrt", _) => format!("sqrt({})", children.concat()),
        ("mroot", 2) => format!("root({}, {})", child(0), child(1)),
        ("mtable", _) => format!("[{}]", children.join("; ")),
        ("mtr" | "mlabeledtr", _) => children.join(", "),
        ("mtext", _) => format!(" {} ", children.concat()),
        ("semantics", _) => child(0).to_owned(),
        _ => children.concat(),
    }
}

/// Whether limits are above and below it, and something else follows: `∑_(i=1)^n i`.
fn is_large(sign: &str) -> bool {
    matches!(sign, "∑" | "∏" | "∐" | "∫" | "∬" | "∮" | "⋃" | "⋂" | "⨁" | "⨂" | "lim" | "max" | "min" | "sup" | "inf")
}

/// The accent over a letter: `x̄` is not `x^¯`.
fn combining(sign: &str) -> Option<char> {
    Some(match sign {
        "¯" | "ˉ" | "‾" | "_" => '\u{304}',
        "^" | "ˆ" | "\u{302}" => '\u{302}',
        "~" | "˜" | "∼" => '\u{303}',
        "˙" => '\u{307}',
        "→" | "⃗" => '\u{20d7}',
        _ => return None,
    })
}

/// In parentheses, unless it is one number, one letter or one name.
fn grouped(formula: &str) -> String {
    let formula = formula.trim();
    let is_one = formula.chars().all(char::is_alphanumeric) || formula.chars().count() == 1;
    let is_signed = formula.strip_prefix(['-', '−']).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if is_one || is_signed { formula.into() } else { format!("({formula})") }
}
